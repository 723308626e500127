"""Gridded fields of HDF-EOS2 files, the form of HDF4 in which NASA keeps MODIS.

The library for HDF4 trusts its files, so that it runs in a process of its own. A field is decoded whole,
since its values are packed in one piece; some are kept.

Source: HDF-EOS library user's guide, volume 1; the structure is a text in the file, ``StructMetadata``.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from cachetools import LRUCache, cached

from eocene.archive.fetch import check_decoded
from eocene.archive.rasters.decoding import DecodingError, DecodingPool
from eocene.archive.rasters.eos_grid import EosGrid, encode_field, parse_grids
from eocene.archive.tiff.geotiff import damaged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.archive.rasters.netcdf_variable import Encoding

    Identity = tuple[str, int, int]

_KEPT_BYTES = 128 * 2**20
_pool = DecodingPool(Path(__file__).with_name("hdf4_worker.py"), "pyhdf", "hdf4")


@dataclass(frozen=True)
class Hdf4Field:
    """A field of a grid; ``variable`` is its name."""

    identity: Identity
    variable: str
    grid: EosGrid
    encoding: Encoding

    def read(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Return stored numbers of rows and columns."""
        return _decode(self)[rows, columns]


@lru_cache(maxsize=64)
def list_hdf4_fields(identity: Identity) -> tuple[Hdf4Field, ...]:
    """Return the fields of a file that lie on a grid in the sinusoidal projection; remembered.

    Raises
    ------
    DamageError
        If the file cannot be read.
    UnavailableError
        If the library is not installed.
    """
    try:
        told = json.loads(_pool.ask(b"D", [identity[0]]))
        grids = list(parse_grids(told["structure"]))
    except (DecodingError, ValueError) as error:
        raise damaged(identity[0], str(error)) from error
    fields = []
    for one in told["sets"]:
        named = [grid for grid in grids if one["name"] in grid.fields]
        grid = next((grid for grid in named if list(grid.shape) == one["shape"]), None)
        if grid is not None:
            described = SimpleNamespace(attrs=one["attributes"], dtype=np.dtype(one["dtype"]))
            fields.append(Hdf4Field(identity, one["name"], grid, encode_field(described)))
    return tuple(fields)


def open_hdf4_field(identity: Identity, variable: str) -> Hdf4Field:
    """Return a field of a file; raises DamageError if there is no such field."""
    for field in list_hdf4_fields(identity):
        if field.variable == variable:
            return field
    raise damaged(identity[0], f"it has no field {variable!r}")


@cached(
    LRUCache(_KEPT_BYTES, getsizeof=lambda values: min(values.nbytes, _KEPT_BYTES)),
    key=lambda field: (field.identity, field.variable),
    lock=threading.Lock(),
)
def _decode(field: Hdf4Field) -> NDArray[Any]:
    dtype = field.encoding.dtype
    check_decoded(field.identity[0], repr(field.variable), field.grid.shape, 2 * dtype.itemsize)
    try:
        content = _pool.ask(b"V", [field.identity[0], field.variable])
        return np.frombuffer(content, dtype.newbyteorder("<")).reshape(field.grid.shape)
    except (DecodingError, ValueError) as error:
        raise damaged(field.identity[0], str(error)) from error
