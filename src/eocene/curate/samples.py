"""Labelled samples: what a model is trained on, immutable and named by its content."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eocene.archive.majortom import cells_at
from eocene.curate.card import describe_samples, write_card
from eocene.curate.naming import join_names
from eocene.model import DamageError, InputError, NotFoundError
from eocene.model.files import sync_folder, write_json, write_text
from eocene.model.grid import transformer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

TABLE, SIDECAR, CARD = "samples.parquet", "samples.json", "card.md"
FORMAT = 2
_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,63}$")
_OWN_COLUMNS = ("x", "y", "label", "cell")


@dataclass(frozen=True, eq=False)
class Samples:
    """Features with labels and places, in memory.

    Parameters
    ----------
    features : (n, ...) float32
        One entry a sample, its shape the lengths of ``axes``; NaN where a value is missing. Nothing is
        filled here.
    labels : (n,) int64
        Class values.
    x, y : (n,) float64
        Pixel centres in units of the CRS.
    epsg : int
        The CRS of ``x`` and ``y``.
    axes : mapping of str to tuple of str
        The dimensions of one sample in their order, each with its labels: {"features": (…)} for rows,
        {"t": (…), "bands": (…)} for series, {"bands": (…), "y": (…), "x": (…)} for chips, and
        {"t", "bands", "y", "x"} for series of chips.
    class_names : mapping of int to str
        A name for every label that occurs.
    sources : mapping
        Where the numbers come from: items, graph, label item. Must be JSON.
    faults : mapping of str to int
        What was found and dropped or counted while sampling.
    name : str
        The readable part of the id.
    columns : mapping of str to (n,) array
        What else is known of each sample, such as "time" (datetime64), "item", "label_source", "sensor",
        "region", "purity", "cloud", "width_m".

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
    axes: Mapping[str, tuple[str, ...]]
    class_names: Mapping[int, str] = field(default_factory=dict)
    sources: Mapping[str, Any] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    name: str = "samples"
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

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
        axes = {str(dim): tuple(str(v) for v in values) for dim, values in self.axes.items()}
        object.__setattr__(self, "axes", axes)
        columns = {str(key): _normalise(values) for key, values in self.columns.items()}
        for column in columns.values():
            column.setflags(write=False)
        object.__setattr__(self, "columns", columns)
        known = {int(k): str(v) for k, v in self.class_names.items()}
        named = {int(v): known.get(int(v), str(int(v))) for v in np.unique(labels)}
        object.__setattr__(self, "class_names", named)
        self._check()

    def _check(self) -> None:
        n = len(self.labels)
        lengths = {dim: len(values) for dim, values in self.axes.items()}
        if self.features.shape != (n, *lengths.values()) or not lengths:
            raise InputError(
                f"The features have shape {self.features.shape}, for {n} labels and the axes {lengths}.",
                "Give one entry a label, and each axis as many labels as it is long.",
            )
        for key, column in self.columns.items():
            if column.shape != (n,):
                raise InputError(f"The column {key!r} must hold {n} values.", "Give one value a sample.")
        if self.x.shape != (n,) or self.y.shape != (n,) or self.labels.ndim != 1:
            raise InputError(f"x, y and labels must each hold {n} numbers.", "Give one place a label.")
        self._check_names()
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            raise InputError("A sample has no finite place.", "Drop samples without coordinates.")
        if not _NAME.match(self.name):
            raise InputError(
                f"{self.name!r} cannot be part of an id.", "Use lower-case letters, digits and hyphens."
            )

    def _check_names(self) -> None:
        if any(len(set(values)) != len(values) for values in self.axes.values()):
            raise InputError("Two features have the same name.", "Rename the labels of the cube.")
        own = set(_OWN_COLUMNS)
        if own & set(self.columns) or ({*own, *self.columns} & set(self.axes.get("features", ()))):
            raise InputError(
                f"A feature or column is named like another, or like one of {_OWN_COLUMNS}.", "Rename it."
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The name of each number of a sample: labels of its axes joined by a slash, the last one fastest."""
        return join_names(list(self.axes.values()))

    def flatten(self) -> Samples:
        """Return the same samples as rows of features."""
        rows = self.features.reshape(len(self), -1)
        return replace(self, features=rows, axes={"features": self.feature_names})

    def take(self, rows: NDArray[Any]) -> Samples:
        """Return some of the samples, by their numbers or a mask, in the order told."""
        return replace(
            self,
            features=self.features[rows],
            labels=self.labels[rows],
            x=self.x[rows],
            y=self.y[rows],
            columns={key: column[rows] for key, column in self.columns.items()},
        )

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
        columns = [self.columns[key] for key in sorted(self.columns)]
        hashed: list[NDArray[Any]] = [self.features, self.labels, self.x, self.y, *columns]
        for array in hashed:
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(_canonical(self._sidecar()).encode())
        return f"{self.name}-{digest.hexdigest()[:12]}"

    def _sidecar(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "epsg": int(self.epsg),
            "axes": {dim: list(values) for dim, values in self.axes.items()},
            "columns": sorted(self.columns),
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
        columns |= dict(self.columns)
        rows = self.features.reshape(len(self), -1)
        columns |= {name: rows[:, i] for i, name in enumerate(self.feature_names)}
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
        axes = {str(dim): tuple(values) for dim, values in sidecar["axes"].items()}
        features = [table[name].to_numpy() for name in join_names(list(axes.values()))]
        rows = np.stack(features, axis=1) if features else np.empty(0, np.float32)
        return cls(
            features=rows.reshape(len(table), *(len(values) for values in axes.values())),
            labels=table["label"].to_numpy(),
            x=table["x"].to_numpy(),
            y=table["y"].to_numpy(),
            epsg=int(sidecar["epsg"]),
            axes=axes,
            columns={key: table[key].to_numpy() for key in sidecar["columns"]},
            class_names={int(k): v for k, v in sidecar["class_names"].items()},
            sources=sidecar["sources"],
            faults=sidecar["faults"],
            name=sidecar["name"],
        )


def _normalise(values: Any) -> NDArray[Any]:
    """Return a column of its own, with one form for all texts and one for all instants (seconds)."""
    column = np.array(values)
    kinds = {"O": np.dtype(str), "M": np.dtype("datetime64[s]")}
    return column.astype(kinds.get(column.dtype.kind, column.dtype))


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
