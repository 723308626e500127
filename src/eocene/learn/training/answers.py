"""What is learnt from a stored data set: the labels of samples, or those of the pixels of chips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from eocene.curate.dataset import Dataset

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

    def tell(self, labels: NDArray[np.int64], layers: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
        """Return positions of the classes of some samples or pixels, −1 without one."""
        if self._layer is None:
            return np.searchsorted(self.classes, labels)
        values = _as_classes(layers[self._layer])
        return np.where(values >= 0, np.searchsorted(self.classes, values), -1)

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the same of samples by their numbers."""
        if self._layer is None:
            return self.tell(self._labels[rows], {})
        return self.tell(
            self._labels[rows], {self._layer: self._stored.layer.unpack(self._stored.read(rows))}
        )


def _as_classes(values: NDArray[Any]) -> NDArray[np.int64]:
    return np.where(np.isfinite(values), values, -1).astype(np.int64)
