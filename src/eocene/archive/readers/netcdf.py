"""NetCDF files, of version 4 or classic: an item a time step, its assets slices of the file where it lies."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import describe_file
from eocene.archive.product import (
    Product,
    Reader,
    find_times,
    format_instant,
    grid_fields,
    make_collection,
    make_item,
    name_collection,
    number_json,
    tell_instants,
)
from eocene.archive.raster import NETCDF
from eocene.archive.rasters.cf_grid import bounds_on_earth
from eocene.archive.rasters.cf_times import decode_times
from eocene.archive.rasters.netcdf import read_variables, reading
from eocene.archive.rasters.netcdf_variable import plain_dataset, read_whole
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np

    from eocene.archive.product import IngestOptions
    from eocene.archive.rasters.netcdf_variable import Variable

_SUFFIXES = (".nc", ".nc4", ".netcdf")


def recognise(path: Path) -> bool:
    """Tell whether it is a NetCDF file."""
    return path.is_file() and path.suffix.lower() in _SUFFIXES


def read_product(path: Path, options: IngestOptions) -> Iterator[Product]:
    """Yield one collection with an item for each time step; variables without time go to every item.

    Raises
    ------
    InputError
        If no variable lies on a grid, or the time is unknown.
    DamageError
        If the file cannot be read.
    """
    name = options.collection or name_collection(path.stem)
    variables = read_variables(describe_file(path))
    if not variables:
        raise InputError(
            f"The file {str(path)!r} has no variable with the dimensions (y, x) or (time, y, x).",
            "Put the data on such a grid first.",
        )
    axes = {variable.time for variable in variables if variable.time}
    if len(axes) > 1:
        raise InputError(
            f"The variables of {str(path)!r} have different time axes: {', '.join(sorted(axes))}.",
            "Split the file, one time axis a file.",
        )
    axis = axes.pop() if axes else None
    steps: list[tuple[int | None, dict[str, str]]] = (
        [(None, find_times(path, options))] if axis is None else []
    )
    moments = [] if axis is None else read_times_of(path, axis)
    steps += [(i, {"datetime": format_instant(t)}) for i, t in enumerate(moments)]
    [(twice, count)] = Counter(times["datetime"] for _, times in steps).most_common(1) or [("", 0)]
    if count > 1:
        raise InputError(f"The file {str(path)!r} has the time {twice} twice.", "Correct its time axis.")
    common = {"proj:code": f"EPSG:{variables[0].grid.epsg}", **tell_instants(moments)}
    items = []
    for index, times in steps:
        assets = {v.name: slice_asset(path, v, index if v.steps else None) for v in variables}
        bbox = bounds_on_earth(v.grid for v in variables)
        label = path.stem if index is None else f"{path.stem}_{times['datetime'].replace(':', '')}"
        items.append(make_item(name, label, bbox, times | common, assets))
    yield make_collection(name, name, f"The NetCDF file {path.name}."), items


READER = Reader("netcdf", "NetCDF, of version 4 or classic, on a regular grid (.nc)", recognise, read_product)


def read_times_of(path: Path, axis: str) -> list[np.datetime64]:
    """Return the instants of a time axis: CF numbers with "… since …", or texts.

    Raises
    ------
    InputError
        If the axis is neither.
    """
    with reading(describe_file(path)) as stream:
        dataset = plain_dataset(stream, axis, path)
        values = read_whole(stream, axis, path)
        attributes = {k: dataset.attrs.get(k) for k in ("units", "calendar")}
    return decode_times(values, attributes, axis, path)


def slice_asset(path: Path, variable: Variable, index: int | None, **fields: Any) -> dict[str, Any]:
    """Return the asset of one step of a variable, or of a variable without steps.

    ``fields`` are added to it, such as ``gsd``, ``bands`` or ``roles``.
    """
    asset: dict[str, Any] = {
        "href": str(path.resolve()),
        "type": NETCDF,
        "roles": ["data"],
        **grid_fields(variable.grid),
        "data_type": str(variable.dtype),
        "gsd": variable.grid.lattice.resolution_m,
        "bands": [{"name": variable.name}],
        "eocene:variable": variable.name,
    }
    if variable.nodata is not None:
        asset["nodata"] = number_json(variable.nodata, variable.dtype.kind)
    if variable.scale != 1.0 or variable.offset != 0.0:
        asset |= {"raster:scale": variable.scale, "raster:offset": variable.offset}
    if variable.unit:
        asset["unit"] = variable.unit
    if index is not None:
        asset["eocene:index"] = index
    return asset | fields
