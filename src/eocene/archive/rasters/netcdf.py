"""Rasters in NetCDF-4 files: one variable, one step of its leading axis.

Read by h5py, since automatic decoding breaks on the attributes that real files have, and since a
variable must not pull in another file.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py

from eocene.archive.fetch import describe_file
from eocene.archive.raster import check_window, parse_nodata
from eocene.archive.rasters.netcdf_variable import Variable, describe_variable, list_rasters, plain_dataset
from eocene.archive.tiff.geotiff import damaged
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from eocene.model.grid import Grid

_OPEN_FILES = 16
_files: OrderedDict[tuple[str, int, int], Any] = OrderedDict()
_lock = threading.RLock()  # the HDF5 library serves one thread at a time


class NetcdfRaster:
    """A slice of a variable in a NetCDF file; it has no overviews."""

    def __init__(self, path: Path, asset: Mapping[str, Any]) -> None:
        self.path = path
        self._identity = describe_file(path)
        name = str(asset.get("eocene:variable", ""))
        self._variable = read_variable(self._identity, name)
        self._index = asset.get("eocene:index")
        steps = self._variable.steps
        if (steps is None) != (self._index is None) or (steps and not 0 <= int(self._index or 0) < steps):
            raise InputError(
                f"The variable {name!r} of {str(path)!r} has {steps} steps; the asset's eocene:index is "
                f"{self._index!r}.",
                "Ingest the product again.",
            )
        declared = parse_nodata(asset.get("nodata"))
        self.dtype: np.dtype[Any] = self._variable.dtype
        self.nodata: float | None = self._variable.nodata if declared is None else declared
        self.levels: tuple[Grid, ...] = (self._variable.grid,)

    def read(self, window: Grid, level: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the stored numbers (height, width) of a window of ``levels[level]``, in ``out`` if given."""
        grid = self.levels[level]
        rows, columns = check_window(window, grid, str(self.path))
        if self._variable.flip:
            rows = slice(grid.height - rows.stop, grid.height - rows.start)
        key = (rows, columns) if self._index is None else (int(self._index), rows, columns)
        with reading(self._identity) as stream:
            stored = plain_dataset(stream, self._variable.name, self.path)[key]
        native: NDArray[Any] = stored.astype(stored.dtype.newbyteorder("="), copy=False)
        pixels = native if native.dtype == self.dtype else native.view(self.dtype)  # _Unsigned
        pixels = pixels[::-1] if self._variable.flip else pixels
        if out is None:
            return pixels
        out[...] = pixels
        return out

    def close(self) -> None:
        """Nothing to let go of: the file is shared by all slices and closed when others need its place."""


@contextmanager
def reading(identity: tuple[str, int, int]) -> Iterator[Any]:
    """Hold the HDF5 library and yield the open file; what HDF5 raises becomes DamageError.

    Parameters
    ----------
    identity : tuple
        Of the file, from :func:`eocene.archive.fetch.describe_file`.
    """
    with _lock:
        try:
            yield _open_file(identity)
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
            raise damaged(identity[0], str(error)) from error


def _open_file(identity: tuple[str, int, int]) -> Any:
    if identity in _files:
        _files.move_to_end(identity)
        return _files[identity]
    stream = h5py.File(identity[0], "r")
    _files[identity] = stream
    while len(_files) > _OPEN_FILES:
        _files.popitem(last=False)[1].close()
    return stream


@lru_cache(maxsize=256)
def read_variable(identity: tuple[str, int, int], name: str) -> Variable:
    """Return how a variable of a file is stored; remembered, since a cube opens each many times."""
    with reading(identity) as stream:
        return describe_variable(stream, name, Path(identity[0]))


@lru_cache(maxsize=32)
def read_variables(identity: tuple[str, int, int]) -> tuple[Variable, ...]:
    """Return all variables of a file that lie on a grid, in file order; remembered."""
    with reading(identity) as stream:
        return tuple(list_rasters(stream, Path(identity[0])))
