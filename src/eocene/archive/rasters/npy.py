"""Slices of numpy's .npy files as rasters: only their plain numbers, never a pickle."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import describe_file
from eocene.archive.raster import check_window, grid_of_asset, parse_nodata
from eocene.model.errors import DamageError, InputError
from eocene.model.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_DTYPES = tuple(map(np.dtype, ("?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8")))


@lru_cache(maxsize=256)
def open_array(identity: tuple[str, int, int]) -> NDArray[Any]:
    """Return the array of a file, mapped into memory; booleans as bytes.

    Raises
    ------
    InputError
        If it holds other things than plain numbers, such as pickled objects.
    DamageError
        If it is cut off or no .npy file.
    """
    path = Path(identity[0])
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError, TypeError, OverflowError) as error:
        if "pickle" in str(error) or "Python objects" in str(error):
            raise _no_numbers(path, "pickled objects") from error
        raise DamageError(
            f"The array {str(path)!r} cannot be read: {str(error).splitlines()[0]}.",
            "Fetch or write the file again.",
        ) from error
    if not isinstance(array, np.ndarray):
        raise _no_numbers(path, "several arrays")
    if array.dtype.newbyteorder("=") not in _DTYPES:
        raise _no_numbers(path, str(array.dtype))
    return array.view(np.uint8) if array.dtype == bool else array


def _no_numbers(path: Path, what: str) -> InputError:
    return InputError(
        f"The array {str(path)!r} holds {what}.",
        "Save whole numbers, booleans, or floats of 32 or 64 bits.",
        code="FormatUnsuitable",
    )


class NpyRaster:
    """One date and band of an array (time, y, x, band) or (y, x, band); it has no overviews.

    Parameters
    ----------
    path : Path
        As a door has resolved it.
    asset : mapping
        ``proj:code``, ``proj:transform``; ``eocene:index`` and ``eocene:band`` (from 1) say which slice.
    """

    def __init__(self, path: Path, asset: Mapping[str, Any]) -> None:
        self.path = path
        array = open_array(describe_file(path))
        index, band = asset.get("eocene:index"), int(asset.get("eocene:band", 1))
        if array.ndim != (3 if index is None else 4):
            raise self._mismatch(array, asset)
        slices = array[None] if index is None else array
        if not (0 <= int(index or 0) < len(slices) and 1 <= band <= slices.shape[-1]):
            raise self._mismatch(array, asset)
        self._pixels = slices[int(index or 0), ..., band - 1]
        self.levels: tuple[Grid, ...] = (grid_of_asset(asset, self._pixels.shape),)
        self.dtype: np.dtype[Any] = array.dtype.newbyteorder("=")
        self.nodata: float | None = parse_nodata(asset.get("nodata"))

    def _mismatch(self, array: NDArray[Any], asset: Mapping[str, Any]) -> InputError:
        return InputError(
            f"The array {str(self.path)!r} of the shape {array.shape} has no band "
            f"{asset.get('eocene:band', 1)} of a step {asset.get('eocene:index')}.",
            "Ingest the product again.",
        )

    def read(self, window: Grid, level: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the stored numbers (height, width) of a window of ``levels[level]``, in ``out`` if given."""
        rows, columns = check_window(window, self.levels[level], str(self.path))
        pixels = np.empty(window.shape, self.dtype) if out is None else out
        pixels[...] = self._pixels[rows, columns]
        return pixels

    def close(self) -> None:
        """Nothing of its own to let go of: the file is mapped into memory."""
