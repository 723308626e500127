"""What is learnt from a stored data set: labels or shares of samples, or labels of the pixels of chips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.fractions import find_fractions
from eocene.learn.train import check_fractions
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate.dataset import Dataset
    from eocene.curate.dataset.stream import Batch

_AT_ONCE = 512


class Answers:
    """What is learnt of each sample of a stored data set: its label, or those of its pixels.

    Parameters
    ----------
    dataset : Dataset
    rows : (k,) int
        Whose classes count.
    layer : str, optional
        The layer that holds class values of pixels; without, labels of samples are learnt.

    Raises
    ------
    InputError
        If there is no such layer, or it is none of (y, x) like the first one.
    """

    def __init__(self, dataset: Dataset, rows: NDArray[np.intp], layer: str | None) -> None:
        self._labels, self._layer = dataset.labels, layer
        if layer is None:
            self.classes = np.unique(self._labels[rows])
            return
        self._stored = dataset.pixels(layer)
        first = next(iter(dataset.layers.values()))
        axes = {dim: len(values) for dim, values in self._stored.layer.axes.items()}
        if axes != {dim: len(first.axes.get(dim, ())) for dim in ("y", "x")}:
            raise InputError(
                f"The layer {layer!r} has {axes}, which are not the pixels of {first.shape}.",
                "Name a layer with a class value for each pixel of each chip.",
            )
        found = [np.unique(values[values >= 0]) for values in self._read(rows)]
        self.classes = np.unique(np.concatenate([np.empty(0, np.int64), *found]))

    def _read(self, rows: NDArray[np.intp]) -> Iterator[NDArray[np.int64]]:
        for start in range(0, len(rows), _AT_ONCE):
            stored = self._stored.read(rows[start : start + _AT_ONCE])
            yield _as_classes(self._stored.layer.unpack(stored))

    def count(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return how often each class occurs in some samples."""
        parts = [self._labels[rows]] if self._layer is None else self._read(rows)
        counts = np.zeros(len(self.classes), np.intp)
        for values in parts:
            counts += np.bincount(np.searchsorted(self.classes, values[values >= 0]), minlength=len(counts))
        return counts

    def outline(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return positions of the classes (k,) by which samples are held out; (k, 1) for those of pixels."""
        if self._layer is not None:
            return np.zeros((len(rows), 1), np.int64)
        return np.searchsorted(self.classes, self._labels[rows])

    def tell(self, batch: Batch) -> NDArray[np.int64]:
        """Return positions of the classes of some samples or pixels, −1 without one."""
        return self.read(batch.rows) if self._layer is None else self._place(batch.layers[self._layer])

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the same of samples by their numbers."""
        if self._layer is None:
            return np.searchsorted(self.classes, self._labels[rows])
        return self._place(self._stored.layer.unpack(self._stored.read(rows)))

    def weigh(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what each sample of the data set counts."""
        return weights

    def _place(self, pixels: NDArray[Any]) -> NDArray[np.int64]:
        values = _as_classes(pixels)
        return np.where(values >= 0, np.searchsorted(self.classes, values), -1)


class FractionAnswers:
    """What is learnt of each sample of a stored data set whose columns tell shares: those.

    Parameters
    ----------
    dataset : Dataset
    rows : (k,) int
        What is learnt from, ascending.

    Raises
    ------
    InputError
        As ``find_fractions`` and ``check_fractions``.
    """

    def __init__(self, dataset: Dataset, rows: NDArray[np.intp], layer: str | None = None) -> None:
        self._rows = rows
        self._told = check_fractions(find_fractions(dataset.columns, rows), layer)
        self.classes = self._told.classes

    def count(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return how much of each class there is in some samples."""
        counts: NDArray[np.float32] = self.read(rows).sum(axis=0)
        return counts

    def outline(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return positions of the main classes (k,), by which samples are held out."""
        main: NDArray[np.intp] = self.read(rows).argmax(axis=1)
        return main

    def tell(self, batch: Batch) -> NDArray[np.float32]:
        """Return the (n, k) shares of some samples."""
        return self.read(batch.rows)

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return the same of samples by their numbers."""
        shares: NDArray[np.float32] = self._told.values[np.searchsorted(self._rows, rows)].astype(np.float32)
        return shares

    def weigh(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what each sample of the data set counts: as much as is known of it."""
        counted = weights.copy()
        counted[self._rows] = self._told.weigh(weights[self._rows])
        return counted


def _as_classes(values: NDArray[Any]) -> NDArray[np.int64]:
    return np.where(np.isfinite(values), values, -1).astype(np.int64)
