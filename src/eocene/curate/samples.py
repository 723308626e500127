"""Labelled samples: what a model is trained on, immutable and named by its content."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eocene.archive.majortom import cells_at
from eocene.curate.card import describe_samples, write_card
from eocene.model import DamageError, InputError, NotFoundError
from eocene.model.files import sync_folder, write_json, write_text
from eocene.model.grid import transformer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

TABLE, SIDECAR, CARD = "samples.parquet", "samples.json", "card.md"
FORMAT = 1
_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,63}$")
_OWN_COLUMNS = ("x", "y", "label", "cell")


@dataclass(frozen=True, eq=False)
class Samples:
    """Feature rows with labels and places.

    Parameters
    ----------
    features : (n, f) float32
        One row a sample; NaN where a value is missing. Nothing is filled here.
    labels : (n,) int64
        Class values.
    x, y : (n,) float64
        Pixel centres in units of the CRS.
    epsg : int
        The CRS of ``x`` and ``y``.
    feature_names : tuple of str
        Such as 2024-05/B04.
    class_names : mapping of int to str
        A name for every label that occurs.
    sources : mapping
        Where the numbers come from: items, graph, label item. Must be JSON.
    faults : mapping of str to int
        What was found and dropped or counted while sampling.
    name : str
        The readable part of the id.

    Raises
    ------
    InputError
        If lengths disagree, names repeat or a coordinate is not finite.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    epsg: int
    feature_names: tuple[str, ...]
    class_names: Mapping[int, str] = field(default_factory=dict)
    sources: Mapping[str, Any] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    name: str = "samples"

    def __post_init__(self) -> None:
        features = np.array(self.features, dtype=np.float32, order="C")
        features[np.isnan(features)] = np.nan  # one bit pattern, so that equal samples hash alike
        labels = np.array(self.labels, dtype=np.int64)
        arrays: dict[str, NDArray[Any]] = {
            "features": features,
            "labels": labels,
            "x": np.array(self.x, dtype=np.float64),
            "y": np.array(self.y, dtype=np.float64),
        }
        for key, array in arrays.items():
            array.setflags(write=False)
            object.__setattr__(self, key, array)
        object.__setattr__(self, "feature_names", tuple(str(n) for n in self.feature_names))
        known = {int(k): str(v) for k, v in self.class_names.items()}
        named = {int(v): known.get(int(v), str(int(v))) for v in np.unique(labels)}
        object.__setattr__(self, "class_names", named)
        self._check()

    def _check(self) -> None:
        n = len(self.labels)
        if self.features.ndim != 2 or self.features.shape != (n, len(self.feature_names)):
            raise InputError(
                f"The features have shape {self.features.shape}, for {n} labels and "
                f"{len(self.feature_names)} feature names.",
                "Give one row a label and one column a feature name.",
            )
        if self.x.shape != (n,) or self.y.shape != (n,) or self.labels.ndim != 1:
            raise InputError(f"x, y and labels must each hold {n} numbers.", "Give one place a label.")
        if len(set(self.feature_names)) != len(self.feature_names):
            raise InputError("Two features have the same name.", "Rename the labels of the cube.")
        if set(self.feature_names) & set(_OWN_COLUMNS):
            raise InputError(f"A feature is named like one of {_OWN_COLUMNS}.", "Rename the feature.")
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            raise InputError("A sample has no finite place.", "Drop samples without coordinates.")
        if not _NAME.match(self.name):
            raise InputError(
                f"{self.name!r} cannot be part of an id.", "Use lower-case letters, digits and hyphens."
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> tuple[int, ...]:
        """The class values that occur, ascending."""
        return tuple(sorted(self.class_names))

    @property
    def counts(self) -> dict[int, int]:
        """Samples a class."""
        values, counts = np.unique(self.labels, return_counts=True)
        return {int(v): int(c) for v, c in zip(values, counts, strict=True)}

    @cached_property
    def cells(self) -> NDArray[np.str_]:
        """The id of each sample's cell in the Major TOM grid of 10 km, by which items are found."""
        lon, lat = transformer(self.epsg, 4326).transform(self.x, self.y)
        return cells_at(np.asarray(lon), np.asarray(lat))

    @cached_property
    def id(self) -> str:
        """The name and the first 12 hex digits of the SHA-256 of the content."""
        digest = hashlib.sha256()
        for array in (self.features, self.labels, self.x, self.y):
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(_canonical(self._sidecar()).encode())
        return f"{self.name}-{digest.hexdigest()[:12]}"

    def _sidecar(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "epsg": int(self.epsg),
            "feature_names": list(self.feature_names),
            "class_names": {str(k): v for k, v in sorted(self.class_names.items())},
            "sources": _plain(self.sources),
            "faults": {k: int(v) for k, v in sorted(self.faults.items())},
        }

    def save(self, folder: Path | str) -> Path:
        """Write ``folder/<id>/`` (Parquet, JSON, card) in one step and return it.

        Saving the same samples again changes nothing.
        """
        target = Path(folder) / self.id
        if target.exists():
            Samples.load(target)
            return target
        temporary = Path(folder) / f".{self.id}.{secrets.token_hex(4)}"
        temporary.mkdir(parents=True)
        try:
            pq.write_table(self._table(), temporary / TABLE, compression="zstd")
            card = describe_samples(self)
            write_json(temporary / SIDECAR, {"id": self.id, **self._sidecar(), "card": card})
            write_text(temporary / CARD, write_card(card))
            temporary.rename(target)
            sync_folder(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return target

    def _table(self) -> pa.Table:
        columns: dict[str, Any] = {"x": self.x, "y": self.y, "label": self.labels, "cell": self.cells}
        columns |= {name: self.features[:, i] for i, name in enumerate(self.feature_names)}
        return pa.table(columns)

    @classmethod
    def load(cls, folder: Path | str) -> Samples:
        """Read saved samples and check that nothing was changed.

        Raises
        ------
        NotFoundError
            If there is no such folder.
        DamageError
            If a file is missing, cannot be read or does not match the id.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise NotFoundError(f"There are no samples at {folder}.", "List the folder of data sets.")
        try:
            sidecar = json.loads((folder / SIDECAR).read_text(encoding="utf-8"))
            table = pq.read_table(folder / TABLE)
            samples = cls._from_parts(sidecar, table)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
            raise DamageError(
                f"The samples in {folder} cannot be read: {error}.", "Delete the folder and sample again."
            ) from error
        if samples.id != sidecar.get("id"):
            raise DamageError(
                f"The samples in {folder} are not what their id {sidecar.get('id')!r} promises.",
                "Someone changed them; delete the folder and sample again.",
            )
        return samples

    @classmethod
    def _from_parts(cls, sidecar: Mapping[str, Any], table: pa.Table) -> Samples:
        if sidecar["format"] != FORMAT:
            raise ValueError(f"format {sidecar['format']!r}, this version reads {FORMAT}")
        names = tuple(sidecar["feature_names"])
        columns = [table[name].to_numpy() for name in names]
        return cls(
            features=np.stack(columns, axis=1) if columns else np.empty((len(table), 0), np.float32),
            labels=table["label"].to_numpy(),
            x=table["x"].to_numpy(),
            y=table["y"].to_numpy(),
            epsg=int(sidecar["epsg"]),
            feature_names=names,
            class_names={int(k): v for k, v in sidecar["class_names"].items()},
            sources=sidecar["sources"],
            faults=sidecar["faults"],
            name=sidecar["name"],
        )


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    try:
        plain: dict[str, Any] = json.loads(_canonical(dict(value)))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The sources cannot be written as JSON: {error}.", "Give text, numbers, lists and dicts."
        ) from error
    return plain
