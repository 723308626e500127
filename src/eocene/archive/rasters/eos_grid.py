"""Gridded fields of HDF-EOS5 files, such as those of VIIRS: where they lie, and their stored numbers.

Source: HDF-EOS5 data model, ESDS-RFC-008; the structure is a text in the file, ``StructMetadata.0``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from eocene.archive.fetch.decoded import check_decoded
from eocene.archive.rasters.netcdf import reading
from eocene.archive.rasters.netcdf_chunks import check_chunks
from eocene.archive.rasters.netcdf_variable import Encoding, read_encoding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Identity = tuple[str, int, int]

_MOST_TEXT = 4 * 2**20
_GRID = re.compile(r"GROUP=GRID_\d+\s(.*?)END_GROUP=GRID_\d+\s", re.DOTALL)
_FIELD = re.compile(r'DataFieldName="([^"]+)"')
_PAIR = r"\(\s*([-+0-9.eE]+)\s*,\s*([-+0-9.eE]+)\s*\)"


@dataclass(frozen=True)
class EosGrid:
    """A grid in the sinusoidal projection: upper left corner, size of pixels in metres, rows and columns.

    ``fields`` are the names of its fields where the structure tells them.
    """

    name: str
    west: float
    north: float
    size: tuple[float, float]
    shape: tuple[int, int]
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class EosField:
    """A field of a grid; ``variable`` is its grid and name with a slash between."""

    identity: Identity
    variable: str
    grid: EosGrid
    encoding: Encoding

    def read(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Return stored numbers of rows and columns."""
        with reading(self.identity) as stream:
            stored = _dataset(stream, self.variable, self.identity)[rows, columns]
            native: NDArray[Any] = stored.astype(self.encoding.dtype, copy=False)
            return native


@lru_cache(maxsize=64)
def list_fields(identity: Identity) -> tuple[EosField, ...]:
    """Return the fields of a file that lie on a grid in the sinusoidal projection; remembered.

    Raises
    ------
    DamageError
        If the file cannot be read.
    """
    with reading(identity) as stream:
        text = _read_structure(stream)
        fields = []
        for grid in parse_grids(text):
            for name in _names_of(stream, grid.name):
                variable = f"{grid.name}/{name}"
                dataset = _dataset(stream, variable, identity)
                if dataset.shape == grid.shape and dataset.dtype.kind in "iuf":
                    fields.append(EosField(identity, variable, grid, encode_field(dataset)))
        return tuple(fields)


def open_field(identity: Identity, variable: str) -> EosField:
    """Return a field of a file.

    Raises
    ------
    DamageError
        If there is no such field.
    """
    for field in list_fields(identity):
        if field.variable == variable:
            return field
    with reading(identity):
        raise KeyError(f"it has no field {variable!r}")


def _read_structure(stream: Any) -> str:
    place = _follow(stream, "HDFEOS INFORMATION", "StructMetadata.0")
    if not isinstance(place, h5py.Dataset) or place.external or place.is_virtual:
        raise ValueError("its structure lies elsewhere")
    if place.nbytes > _MOST_TEXT:
        raise ValueError(f"its structure is a text of {place.nbytes} bytes")
    value = place[()]
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def parse_grids(text: str) -> Iterator[EosGrid]:
    """Yield the grids in the sinusoidal projection of a structure; raises ValueError if one has no area."""
    for match in _GRID.finditer(text):
        block = match.group(1)
        name = re.search(r'GridName="([^"/]+)"', block)
        columns, rows = (re.search(rf"{key}=(\d{{1,7}})\s", block) for key in ("XDim", "YDim"))
        upper, lower = (
            re.search(rf"{key}={_PAIR}", block) for key in ("UpperLeftPointMtrs", "LowerRightMtrs")
        )
        if not (name and columns and rows and upper and lower and "SNSOID" in block):
            continue
        shape = int(rows.group(1)), int(columns.group(1))
        west, north, east, south = (float(part) for part in (*upper.groups(), *lower.groups()))
        if min(shape) < 1 or not (east > west and north > south and abs(west) + abs(north) < 1e9):
            raise ValueError(f"its grid {name.group(1)!r} has no area")
        size = (east - west) / shape[1], (north - south) / shape[0]
        yield EosGrid(name.group(1), west, north, size, shape, tuple(_FIELD.findall(block)))


def _names_of(stream: Any, grid: str) -> list[str]:
    return sorted(_group(stream, grid))


def _group(stream: Any, grid: str) -> Any:
    return _follow(stream, "HDFEOS", "GRIDS", grid, "Data Fields")


def _follow(stream: Any, *parts: str) -> Any:
    """Return what lies at a path in the file, or raise ValueError where a part of it lies elsewhere."""
    place = stream
    for part in parts:
        if not isinstance(place, h5py.Group) or not isinstance(place.get(part, getlink=True), h5py.HardLink):
            raise ValueError(f"its {'/'.join(parts)!r} lies elsewhere or is missing")
        place = place[part]
    return place


def _dataset(stream: Any, variable: str, identity: Identity) -> Any:
    grid, _, name = variable.partition("/")
    group = _group(stream, grid)
    link = group.get(name, getlink=True) if name and "/" not in name else None
    dataset = group[name] if isinstance(link, h5py.HardLink) else None
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise ValueError(f"its field {variable!r} lies elsewhere or is missing")
    path = Path(identity[0])
    check_decoded(path, f"a chunk of {variable!r}", dataset.chunks or (), dataset.dtype.itemsize)
    check_chunks(stream, dataset, path)
    return dataset


def encode_field(dataset: Any) -> Encoding:
    """Return how numbers are stored; vegetation products write 10000 where CF has 0.0001."""
    found = read_encoding(dataset)
    scale = 1.0 / found.scale if abs(found.scale) > 1.0 else found.scale
    return Encoding(np.dtype(found.dtype), found.nodata, scale, found.offset, found.unit)
