"""Labelled samples: what a model is trained on, immutable and named by its content."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.majortom import cells_at
from eocene.curate.dataset.identity import describe_content, digest_array, identify
from eocene.curate.dataset.layers import FEATURES, OWN_COLUMNS, Layer, check_name
from eocene.curate.naming import join_names
from eocene.curate.placed import count_labels
from eocene.model import InputError
from eocene.model.grid import transformer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


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
        check_name(self.name)

    def _check_names(self) -> None:
        if any(len(set(values)) != len(values) for values in self.axes.values()):
            raise InputError("Two features have the same name.", "Rename the labels of the cube.")
        own = set(OWN_COLUMNS)
        if own & set(self.columns) or ({*own, *self.columns} & set(self.axes.get("features", ()))):
            raise InputError(
                f"A feature or column is named like another, or like one of {OWN_COLUMNS}.", "Rename it."
            )

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def layers(self) -> dict[str, Layer]:
        """The one layer that they are stored as."""
        return {FEATURES: Layer(self.axes)}

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
        return count_labels(self.labels)

    @cached_property
    def cells(self) -> NDArray[np.str_]:
        """The id of each sample's cell in the Major TOM grid of 10 km, by which items are found."""
        lon, lat = transformer(self.epsg, 4326).transform(self.x, self.y)
        return cells_at(np.asarray(lon), np.asarray(lat))

    @cached_property
    def id(self) -> str:
        """The name and the first 12 hex digits of the SHA-256 of the content."""
        content = describe_content(
            name=self.name,
            epsg=self.epsg,
            layers=self.layers,
            class_names=self.class_names,
            sources=self.sources,
            faults=self.faults,
        )
        table = {"label": self.labels, "x": self.x, "y": self.y, **self.columns}
        return identify(content, {FEATURES: digest_array(self.features)}, table)

    def save(self, folder: Path | str) -> Path:
        """Store ``folder/<id>/``, a :class:`~eocene.curate.dataset.Dataset` in this order, and return it.

        Saving the same samples again changes nothing.

        Raises
        ------
        InputError
            If there are no samples.
        DamageError
            If they are there already, but damaged.
        """
        from eocene.curate.dataset.writer import DatasetWriter

        target = Path(folder) / self.id
        if target.exists():
            Samples.load(target)
            return target
        writer = DatasetWriter(
            folder, self.layers, epsg=self.epsg, name=self.name,
            class_names=self.class_names, sources=self.sources, seed=None,
        )  # fmt: skip
        with writer:
            writer.append({FEATURES: self.features}, self.labels, self.x, self.y, self.columns)
            for fault, count in self.faults.items():
                writer.count_fault(fault, count)
            return writer.finish()

    @classmethod
    def load(cls, folder: Path | str) -> Samples:
        """Read a stored data set of one layer into memory, and check that nothing was changed.

        Raises
        ------
        NotFoundError
            If there is no such folder.
        DamageError
            If a file is missing, cannot be read or does not match the id.
        """
        from eocene.curate.dataset.store import Dataset

        return Dataset.open(folder).read()


def _normalise(values: Any) -> NDArray[Any]:
    """Return a column of its own, with one form for all texts and one for all instants (seconds)."""
    column = np.array(values)
    kinds = {"O": np.dtype(str), "M": np.dtype("datetime64[s]")}
    return column.astype(kinds.get(column.dtype.kind, column.dtype))
