"""Samples in the order in which they come, on disk until their final order is known."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.curate.dataset.layers import Layer


class Spill:
    """A file of equally long samples: appended in any number, then read in any order.

    Parameters
    ----------
    path : Path
        Made new.
    layer : Layer
        Whose samples.
    """

    def __init__(self, path: Path, layer: Layer) -> None:
        self.layer, self._path = layer, path
        self._stream = path.open("xb")

    def append(self, stored: NDArray[Any]) -> None:
        """Add samples (n, …) as they are stored."""
        self._stream.write(stored.data.cast("B") if stored.size else b"")

    def gather(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Return samples by their numbers; what of the file has been read is not kept in memory."""
        self._stream.flush()
        with self._path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
            view.madvise(mmap.MADV_RANDOM)
            everything = np.frombuffer(view, self.layer.dtype).reshape(-1, *self.layer.shape)
            found: NDArray[Any] = everything[rows]
            del everything  # a map is closed only when nothing looks at it
        return found

    def close(self) -> None:
        """Delete the file."""
        self._stream.close()
        self._path.unlink(missing_ok=True)
