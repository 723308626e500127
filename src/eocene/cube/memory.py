"""A cube that is handed in as a DataArray: where its pixels stand, and windows of it, read when asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pyproj import CRS
from pyproj.exceptions import CRSError

from eocene.archive import epsg as codes
from eocene.cube.block import Block
from eocene.model import Grid, InputError, Lattice

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray

_SHIFT = 1e-3
"""By how much of a pixel coordinates may miss the centre of theirs."""


@dataclass(frozen=True, eq=False)
class MemorySource:
    """The pixels of a DataArray, in memory or behind Dask or a file.

    Parameters
    ----------
    array : DataArray
        (…, y, x), rows from north to south, columns from west to east.
    grid : Grid
        Where its pixels stand.
    form : Block
        One pixel: dimensions, labels, dtype.
    """

    array: xr.DataArray
    grid: Grid
    form: Block

    items: tuple[Any, ...] = ()

    @property
    def dates(self) -> tuple[tuple[Any, tuple[Any, ...]], ...]:
        """Labels along time, each with the items behind it: none."""
        return tuple((label, ()) for d in self.form.dims_of("temporal")[:1] for label in self.form.labels[d])

    def probe(self) -> Block:
        """Return one pixel of the right form without reading anything."""
        return self.form

    def at_dates(self, labels: tuple[Any, ...] | None) -> MemorySource:
        """Return the source with some of its labels along time only."""
        time = next(iter(self.form.dims_of("temporal")), None)
        if labels is None or time is None or self.form.labels[time] == labels:
            return self
        places = [self.form.labels[time].index(label) for label in labels]
        return replace(self, array=self.array.isel({time: places}), form=self.form.take(time, places))

    def read(self, window: Grid) -> Block:
        """Read a window inside the extent; NaN is no-data."""
        rows, cols = window.slices_in(self.grid)
        values = _native(np.asarray(self.array.isel(y=rows, x=cols).values))
        valid = ~np.isnan(values) if values.dtype.kind == "f" else None
        if valid is not None and valid.all():
            valid = None
        return self.form.with_(values=values, valid=valid, grid=window)

    def decode(self, leaf: Block, window: Grid) -> Block:
        """Return the values of a window that lies in what was read."""
        return leaf.crop(window)

    def bytes_per_pixel(self) -> int:
        """Return the memory that a pixel takes while it is read, all labels."""
        return int(self.form.values.size) * (self.form.values.dtype.itemsize + 1)


def make_source(
    array: xr.DataArray, labels: dict[str, tuple[Any, ...]], kinds: dict[str, str]
) -> MemorySource | None:
    """Return the source of an array whose coordinates x and y are regular, None for another.

    Parameters
    ----------
    array : DataArray
        In any order of dimensions.
    labels, kinds : dict
        Labels and openEO types of its dimensions.

    Raises
    ------
    InputError
        If it does not say its CRS, or holds what are no numbers.
    """
    if not {"x", "y"} <= set(array.dims) or not {"x", "y"} <= set(array.coords) or 0 in array.shape:
        return None
    x, y = (np.asarray(array[d].values) for d in ("x", "y"))
    if not (_is_line(x) and _is_line(y)):
        return None
    if array.dtype.kind not in "biuf":
        raise InputError(
            f"The cube {array.name or ''} holds {array.dtype}, not numbers.",
            "Convert it to a number type with DataArray.astype.",
            code="ProcessParameterInvalid",
        )
    lead = [str(d) for d in array.dims if d not in ("y", "x")]
    turned = array.transpose(*lead, "y", "x")
    turned = turned.isel(y=slice(None, None, -1)) if len(y) > 1 and y[-1] > y[0] else turned
    turned = turned.isel(x=slice(None, None, -1)) if len(x) > 1 and x[-1] < x[0] else turned
    grid = find_grid(turned)
    if grid is None:
        return None
    shape = (*turned.shape[:-2], 1, 1)
    form = Block(
        np.ones(shape, _native(np.empty(0, turned.dtype)).dtype),
        (*lead, "y", "x"),
        {d: labels[d] for d in lead},
        np.zeros(shape, bool),
        Grid(grid.lattice, grid.left, grid.top, 1, 1),
        kinds=kinds,
    )
    return MemorySource(turned, grid, form)


def _is_line(values: NDArray[Any]) -> bool:
    return values.ndim == 1 and values.dtype.kind in "iuf" and bool(np.isfinite(values).all())


def _native(values: NDArray[Any]) -> NDArray[Any]:
    """Return numbers in the machine's byte order, float16 as float32."""
    native = values.dtype.newbyteorder("=")
    return values.astype(np.float32 if native == np.float16 else native, copy=False)


def find_grid(array: xr.DataArray) -> Grid | None:
    """Return the pixel grid of a north-up array, None if its pixels do not lie on one.

    The lattice is that which the array states as ``GeoTransform``, if its coordinates agree; else the
    resolution is the shortest number that gives the coordinates.
    """
    x, y = np.asarray(array.x.values), np.asarray(array.y.values)
    for lattice in _lattices(array, x, y):
        grid = _place(lattice, x, y)
        if grid is not None:
            return grid
    return None


def _lattices(array: xr.DataArray, x: NDArray[Any], y: NDArray[Any]) -> Iterator[Lattice]:
    attributes = array.coords["spatial_ref"].attrs if "spatial_ref" in array.coords else {}
    stated = str(attributes.get("GeoTransform", "")).split()
    steps = _find_step(x), _find_step(y)
    width, height = steps[0] or (steps[1] and -steps[1]), steps[1] or (steps[0] and -steps[0])
    if len(stated) != 6 and not (width and height and width > 0 > height):
        return
    epsg = find_epsg(array)
    if len(stated) == 6:
        west, width_stated, b, north, d, height_stated = (float(v) for v in stated)
        if width_stated > 0 > height_stated and b == d == 0:
            yield Grid.from_transform(
                epsg, (width_stated, 0.0, west, 0.0, height_stated, north), 1, 1
            ).lattice
    if width and height and width > 0 > height:
        transform = (width, 0.0, float(x[0]) - width / 2, 0.0, height, float(y[0]) - height / 2)
        yield Grid.from_transform(epsg, transform, 1, 1).lattice


def _find_step(values: NDArray[Any]) -> float | None:
    """Return the distance of regular coordinates, the shortest number that gives them; None of one alone."""
    if len(values) < 2:
        return None
    numbers = values.astype(np.float64)
    exact = float((numbers[-1] - numbers[0]) / (len(numbers) - 1))
    noise = 8 * float(np.spacing(np.abs(values).max())) if values.dtype.kind == "f" else 0.0
    for digits in range(2, 16):
        step = float(f"{exact:.{digits}g}")
        if np.abs(numbers[0] + step * np.arange(len(numbers)) - numbers).max() <= noise:
            return step
    return exact


def _place(lattice: Lattice, x: NDArray[Any], y: NDArray[Any]) -> Grid | None:
    """Return the grid whose pixel centres are the coordinates, to a thousandth of a pixel."""
    (width, height), (east, south) = lattice.resolution, lattice.anchor
    left, top = round((float(x[0]) - east) / width - 0.5), round((south - float(y[0])) / height - 0.5)
    grid = Grid(lattice, left, top, len(x), len(y))
    fits = np.abs(grid.x - x).max() <= _SHIFT * width and np.abs(grid.y - y).max() <= _SHIFT * height
    return grid if fits else None


def find_epsg(array: xr.DataArray) -> int:
    """Return the EPSG code that the array's attribute ``crs`` or its coordinate ``spatial_ref`` says.

    Raises
    ------
    InputError
        If there is none, or it has no EPSG code.
    """
    attributes = array.coords["spatial_ref"].attrs if "spatial_ref" in array.coords else {}
    stated = (array.attrs.get("crs"), *(attributes.get(k) for k in ("epsg", "crs_wkt", "spatial_ref")))
    found = next((s for s in stated if s is not None), None)
    try:
        code = None if found is None else codes.find_epsg(CRS.from_user_input(found).to_wkt())
    except (CRSError, TypeError, ValueError):
        code = None
    if code is None:
        raise InputError(
            "The cube does not say its CRS"
            + (f": {str(found)[:80]!r} has no EPSG code." if found is not None else "."),
            'Set DataArray.attrs["crs"] to an EPSG code, such as "EPSG:32631".',
            code="ProcessParameterInvalid",
        )
    return code
