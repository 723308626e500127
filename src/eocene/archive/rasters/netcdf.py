"""Rasters in NetCDF files, of version 4 or classic: one variable, one step of its leading axis.

Read by h5py, since automatic decoding breaks on the attributes that real files have, and since a
variable must not pull in another file. Wherever a file lies, it is read in ranges.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from cachetools import LRUCache, cached

from eocene.archive.fetch import LocalContent, describe_file
from eocene.archive.raster import check_window, parse_nodata
from eocene.archive.rasters.hdf5_ranges import RangeStream, find_chunks
from eocene.archive.rasters.netcdf_classic import MAGIC, ClassicFile
from eocene.archive.rasters.netcdf_variable import Variable, describe_variable, list_rasters, plain_dataset
from eocene.archive.tiff.geotiff import damaged
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from eocene.archive.fetch import Content, Identity
    from eocene.model.grid import Grid

    File = tuple[str, int, int] | Content

_OPEN_FILES = 16
_files: OrderedDict[Identity, Any] = OrderedDict()
_lock = threading.RLock()  # the HDF5 library serves one thread at a time


class NetcdfRaster:
    """A slice of a variable in a NetCDF file; it has no overviews.

    Parameters
    ----------
    file : Path or Content
        As a door has resolved or opened it.
    asset : mapping
        ``eocene:variable``, else the name of its band; ``eocene:index``, which may be missing where there is
        one step only.
    """

    def __init__(self, file: Path | Content, asset: Mapping[str, Any]) -> None:
        self._file: File = describe_file(file) if isinstance(file, Path) else file
        self._label = name_file(self._file)
        name = name_variable(asset)
        self._variable = read_variable(self._file, name)
        steps = self._variable.steps
        self._index = asset.get("eocene:index", 0 if steps == 1 else None)
        if (steps is None) != (self._index is None) or (steps and not 0 <= int(self._index or 0) < steps):
            raise InputError(
                f"The variable {name!r} of {self._label!r} has {steps} steps; the asset's eocene:index is "
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
        rows, columns = check_window(window, grid, self._label)
        if self._variable.flip:
            rows = slice(grid.height - rows.stop, grid.height - rows.start)
        parts = [self._read_part(rows, part) for part in self._store(columns)]
        stored = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
        native: NDArray[Any] = stored.astype(stored.dtype.newbyteorder("="), copy=False)
        pixels = native if native.dtype == self.dtype else native.view(self.dtype)  # _Unsigned
        pixels = pixels[::-1] if self._variable.flip else pixels
        if out is None:
            return pixels
        out[...] = pixels
        return out

    def _store(self, columns: slice) -> Iterator[slice]:
        """Yield the stored columns of some of the grid, in their order: two parts beyond the last one."""
        first, width = self._variable.first, self._variable.grid.width
        if columns.start < width - first:
            yield slice(columns.start + first, min(columns.stop + first, width))
        if columns.stop > width - first:
            yield slice(max(columns.start + first - width, 0), columns.stop + first - width)

    def _read_part(self, rows: slice, columns: slice) -> NDArray[Any]:
        key = (rows, columns) if self._index is None else (int(self._index), rows, columns)
        return read_box(self._file, self._variable.name, key)

    def close(self) -> None:
        """Nothing to let go of: the file is shared by all slices and closed when others need its place."""


def name_file(file: File) -> str:
    """Return what errors call a file: its path or URL."""
    return str(file[0]) if isinstance(file, tuple) else file.name


def name_variable(asset: Mapping[str, Any]) -> str:
    """Return the variable of an asset: the one it names, else that of its band."""
    bands = asset.get("bands") or [{}]
    return str(asset.get("eocene:variable") or bands[0].get("name") or "")


def read_box(file: File, name: str, key: Any) -> NDArray[Any]:
    """Return a part of a variable as stored; what lies on a server comes in as many requests at a time.

    Raises
    ------
    InputError, DamageError
        As :func:`plain_dataset`; if it cannot be read.
    """
    label = name_file(file)
    ahead: dict[int, bytes | memoryview] = {}
    if not isinstance(file, tuple):
        with reading(file) as stream:
            ranges = find_chunks(plain_dataset(stream, name, label), key)
        ahead = dict(zip((start for start, _ in ranges), file.read_many(ranges), strict=True))
    with reading(file, ahead) as stream:
        stored: NDArray[Any] = plain_dataset(stream, name, label)[key]
    return stored


@contextmanager
def reading(file: File, ahead: Mapping[int, bytes | memoryview] | None = None) -> Iterator[Any]:
    """Hold the HDF5 library and yield the open file; what HDF5 raises becomes DamageError.

    Parameters
    ----------
    file : tuple or Content
        The identity of a local file, from :func:`eocene.archive.fetch.describe_file`, or what a door has
        opened.
    ahead : mapping, optional
        Parts of a remote file by their offset, fetched before.
    """
    with _lock:
        try:
            opened, stream = _open_file(file)
            if stream is None:
                yield opened
            else:
                with stream.holding(ahead or {}):
                    yield opened
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
            raise damaged(name_file(file), str(error)) from error


def _open_file(file: File) -> tuple[Any, RangeStream | None]:
    """Return an open file, and what it reads from if that is not the disk."""
    identity = _identify(file)
    if identity not in _files:
        _files[identity] = _open(file)
        while len(_files) > _OPEN_FILES:
            _files.popitem(last=False)[1][0].close()
    _files.move_to_end(identity)
    return _files[identity]  # type: ignore[no-any-return]


def _open(file: File) -> tuple[Any, RangeStream | None]:
    content = LocalContent(Path(file[0])) if isinstance(file, tuple) else file
    if content.read(0, len(MAGIC)) == MAGIC:
        return ClassicFile(content), None
    if isinstance(file, tuple):
        return h5py.File(file[0], "r"), None
    stream = RangeStream(content)
    return h5py.File(stream, "r"), stream


def _identify(file: File) -> Identity:
    return file if isinstance(file, tuple) else file.identity


@cached(LRUCache(256), key=lambda file, name: (_identify(file), name), lock=threading.Lock())
def read_variable(file: File, name: str) -> Variable:
    """Return how a variable of a file is stored; remembered, since a cube opens each many times."""
    with reading(file) as stream:
        return describe_variable(stream, name, name_file(file))


@cached(LRUCache(32), key=_identify, lock=threading.Lock())
def read_variables(file: File) -> tuple[Variable, ...]:
    """Return all variables of a file that lie on a grid, in file order; remembered."""
    with reading(file) as stream:
        return tuple(list_rasters(stream, name_file(file)))
