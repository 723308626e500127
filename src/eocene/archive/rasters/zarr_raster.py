"""Rasters in Zarr groups: one step and band of an array, and the coarser arrays beside it as overviews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import check_decoded
from eocene.archive.raster import check_window, grid_of_asset, parse_nodata
from eocene.archive.rasters.zarr_store import encoding_of
from eocene.model.errors import InputError
from eocene.model.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eocene.archive.rasters.zarr_store import Group

FLIPPED, PLACE = "eocene:flipped", "eocene:place"
"""Fields of an asset: whether rows are stored south-up; the positions along the leading dimensions."""


class ZarrRaster:
    """A slice (y, x) of an array.

    Parameters
    ----------
    group : Group
        As :func:`eocene.archive.rasters.zarr_store.group_at` or ``open_remote_group`` opens it.
    asset : mapping
        ``eocene:variable`` (path of the array in the group), ``eocene:place``, ``eocene:flipped``,
        ``proj:code`` and ``proj:transform``.
    """

    def __init__(self, group: Group, asset: Mapping[str, Any]) -> None:
        self._group = group
        self._name = str(asset.get("eocene:variable", ""))
        self._place = tuple(int(n) for n in asset.get(PLACE, ()))
        self._flipped = bool(asset.get(FLIPPED, False))
        array = self._group.array(self._name)
        lead = array.shape[:-2]
        known = len(lead) == len(self._place)
        if not (known and all(0 <= p < n for p, n in zip(self._place, lead, strict=True))):
            raise InputError(
                f"The array {self._name!r} of {str(group.path)!r} has the shape {array.shape}; the asset "
                f"asks for {self._place}.",
                "Ingest the product again.",
            )
        encoding = encoding_of(array)
        self._stored: np.dtype[Any] = array.dtype.newbyteorder("=")
        self.dtype: np.dtype[Any] = np.dtype(np.uint8) if encoding.dtype == bool else encoding.dtype
        declared = parse_nodata(asset.get("nodata"))
        self.nodata: float | None = encoding.nodata if declared is None else declared
        self.levels: tuple[Grid, ...] = (grid_of_asset(asset, array.shape[-2:]),)

    def read(self, window: Grid, level: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the stored numbers (height, width) of a window of ``levels[level]``, in ``out`` if given."""
        grid = self.levels[level]
        rows, columns = check_window(window, grid, f"{self._group.path}/{self._name}")
        if self._flipped:
            rows = slice(grid.height - rows.stop, grid.height - rows.start)
        check_decoded(f"{self._group.path}/{self._name}", "a window", window.shape, self.dtype.itemsize)
        pixels = np.empty(window.shape, self.dtype) if out is None else out
        stored = pixels.view(self._stored)  # the same numbers as they are declared, such as int8 for uint8
        self._group.read(self._name, (*self._place, rows, columns), stored[::-1] if self._flipped else stored)
        return pixels

    def close(self) -> None:
        """Nothing of its own to let go of."""
