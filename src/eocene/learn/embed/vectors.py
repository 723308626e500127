"""Vectors with their places: what an encoder made of pixels, chips or cells of a grid."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.majortom import cells_at
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

UNITS = ("pixel", "chip", "cell")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Vectors of length 1 with what is known of each.

    Parameters
    ----------
    vectors : (n, d) float32
        Brought to length 1 here, so that their inner product is the cosine of their angle.
    lon, lat : (n,) float64
        Centres in degrees.
    time : (n,) datetime64[s]
        When; NaT where a vector stands for no instant.
    ids : (n,) str
        A name for each, such as the id of a grid cell.
    unit : str
        "pixel", "chip" or "cell".
    sources : mapping
        Where they come from: encoder, graph, items. Must be JSON.
    name : str
        The readable part of the id.

    Raises
    ------
    InputError
        If lengths disagree, or a vector is zero or not finite.
    """

    vectors: NDArray[np.float32]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    time: NDArray[np.datetime64]
    ids: NDArray[np.str_]
    unit: str = "pixel"
    sources: Mapping[str, Any] = field(default_factory=dict)
    name: str = "embeddings"

    def __post_init__(self) -> None:
        vectors = np.asarray(self.vectors, dtype=np.float32)
        n = len(vectors)
        if vectors.ndim != 2 or not n or not vectors.shape[1]:
            raise InputError(f"The vectors have shape {vectors.shape}.", "Give one vector or more.")
        columns: dict[str, Any] = {"lon": np.float64, "lat": np.float64, "time": "datetime64[s]", "ids": str}
        for key, kind in columns.items():
            column = np.asarray(getattr(self, key), dtype=kind)
            if column.shape != (n,):
                raise InputError(f"{key} has shape {column.shape} for {n} vectors.", "Give one a vector.")
            object.__setattr__(self, key, column)
        if self.unit not in UNITS or not _NAME.fullmatch(self.name):
            raise InputError(
                f"Embeddings of {self.unit!r} named {self.name!r} cannot be kept.",
                f"The unit is one of {', '.join(UNITS)}; names have lower-case letters, digits and hyphens.",
            )
        object.__setattr__(self, "vectors", normalise(vectors))

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return int(self.vectors.shape[1])

    @cached_property
    def id(self) -> str:
        """The name and the first 12 hex digits of the SHA-256 of the content."""
        digest = hashlib.sha256()
        for array in (self.vectors, self.lon, self.lat, self.time.astype(np.int64), self.ids):
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).data.cast("B") if array.dtype.kind != "U" else b"")
        digest.update("\0".join(self.ids.tolist()).encode())
        told = [self.unit, self.name, self.sources]
        digest.update(json.dumps(told, sort_keys=True, allow_nan=False).encode())
        return f"{self.name}-{digest.hexdigest()[:12]}"

    def gather_cells(self) -> Embeddings:
        """Return one vector for each cell of the Major TOM grid of 10 km and each time: the mean of its own.

        Its place is the mean of theirs; its id is the cell's.
        """
        cells = cells_at(self.lon, self.lat)
        keys = np.stack([cells, self.time.astype(np.int64).astype(str)], axis=1)
        found, group = np.unique(keys, axis=0, return_inverse=True)
        group = group.ravel()
        counts = np.bincount(group).astype(np.float64)

        def average(values: NDArray[Any]) -> NDArray[np.float64]:
            total = np.zeros((len(found), *values.shape[1:]))
            np.add.at(total, group, values)
            return total / counts.reshape(-1, *[1] * (values.ndim - 1))

        return replace(
            self,
            vectors=average(self.vectors).astype(np.float32),
            lon=average(self.lon),
            lat=average(self.lat),
            time=found[:, 1].astype(np.int64).astype("datetime64[s]"),
            ids=found[:, 0],
            unit="cell",
        )


def normalise(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors (n, d) of length 1.

    Raises
    ------
    InputError
        If one is zero or not finite.
    """
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(bad):
        raise InputError(
            f"{len(bad)} of {len(vectors)} vectors are zero or not finite, the first is number {bad[0]}.",
            "Drop places without data before they are kept.",
        )
    unit: NDArray[np.float32] = (vectors / lengths[:, None]).astype(np.float32)
    return unit
