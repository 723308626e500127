"""Zarr groups in folders: cubes as xarray and Eocene write them, and EOPF products of Sentinel.

Every array whose last two dimensions are a regular grid is read; one before them may be time, one bands. The
groups of EOPF hold an array a band and resolution; coarser repetitions have the resolution in their name.

Source: Zarr 2 and 3, CF 1.11, and the EOPF product structure definition 2.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import check_decoded
from eocene.archive.product import (
    Product,
    Reader,
    bounds_degrees,
    find_times,
    format_instant,
    grid_fields,
    make_collection,
    make_item,
    name_collection,
    number_json,
    read_times,
    tell_instants,
    union_bbox,
)
from eocene.archive.raster import ZARR
from eocene.archive.rasters.cf_grid import Coordinate, find_epsg, grid_between, no_crs
from eocene.archive.rasters.cf_times import decode_times
from eocene.archive.rasters.zarr_metadata import METADATA
from eocene.archive.rasters.zarr_raster import FLIPPED, PLACE
from eocene.archive.rasters.zarr_store import Group, dimensions_of, encoding_of, group_at
from eocene.model.errors import InputError
from eocene.model.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from eocene.archive.product import IngestOptions

_TIMES, _BANDS = ("time", "t", "date", "datetime"), ("band", "bands", "variable", "wavelength")
_X, _Y = ("x", "lon", "longitude", "easting"), ("y", "lat", "latitude", "northing")
_SLICE_BYTES = 2048
"""What an asset takes in memory."""
_SENTINEL = re.compile(r"^S([1-3])[A-D]_")


def recognise(path: Path) -> bool:
    """Tell whether it is a folder with a Zarr group."""
    return path.is_dir() and any((path / name).is_file() for name in METADATA)


def read_product(path: Path, options: IngestOptions) -> Iterator[Product]:
    """Yield one collection with an item for each time step; arrays without time go to every item.

    Raises
    ------
    InputError
        If no array lies on a regular grid in a CRS with an EPSG code, or the time is unknown.
    DamageError
        If the group cannot be read.
    """
    file = next(path / name for name in METADATA if (path / name).is_file())
    group = group_at(file)
    layers = _find_layers(group)
    name = options.collection or _name(group, path)
    assets: dict[np.datetime64, dict[str, Any]] = defaultdict(dict)
    everywhere: dict[str, Any] = {}
    for layer in layers:
        for moment, label, fields in layer.slices(group, file):
            (everywhere if moment is None else assets[moment])[label] = fields
    steps = [({"datetime": format_instant(t)}, assets[t]) for t in sorted(assets)]
    steps = steps or [(_find_time(group, path, options), {})]
    bbox = union_bbox(bounds_degrees(grid) for grid in {layer.grid for layer in layers})
    codes = {f"EPSG:{layer.grid.epsg}" for layer in layers}
    common = ({"proj:code": codes.pop()} if len(codes) == 1 else {}) | tell_instants([*assets])
    items = []
    for times, own in steps:
        label = path.stem if not assets else f"{path.stem}_{times['datetime'].replace(':', '')}"
        items.append(make_item(name, label, bbox, {**times, **common}, {**everywhere, **own}))
    yield make_collection(name, name, f"The Zarr {path.name}."), items


READER = Reader("zarr", "Zarr 2 and 3 on a regular grid, EOPF (a .zarr folder)", recognise, read_product)


@dataclass(frozen=True)
class _Layer:
    """An array on a grid: its path in the group, the name of its band, and its leading dimensions."""

    array: str
    name: str
    grid: Grid
    flipped: bool
    lead: tuple[str, ...]

    def slices(self, group: Group, file: Path) -> Iterator[tuple[np.datetime64 | None, str, dict[str, Any]]]:
        """Yield time, name and asset of each slice (y, x)."""
        array = group.array(self.array)
        encoding = encoding_of(array)
        check_decoded(f"{group.path}/{self.array}", "the list of its slices", array.shape[:-2], _SLICE_BYTES)
        labels = [_labels(group, self.array, dim, array.shape[n]) for n, dim in enumerate(self.lead)]
        common: dict[str, Any] = {
            "href": str(file.resolve()),
            "type": ZARR,
            "roles": ["data"],
            **grid_fields(self.grid),
            "gsd": self.grid.lattice.resolution_m,
            "data_type": "uint8" if encoding.dtype == bool else str(encoding.dtype),
            "eocene:variable": self.array,
        }
        if encoding.nodata is not None:
            common["nodata"] = number_json(encoding.nodata, encoding.dtype.kind)
        if (encoding.scale, encoding.offset) != (1.0, 0.0):
            common |= {"raster:scale": encoding.scale, "raster:offset": encoding.offset}
        if self.flipped:
            common[FLIPPED] = True
        for place in product(*(range(len(known)) for known in labels)):
            at = {dim: known[n] for dim, known, n in zip(self.lead, labels, place, strict=True)}
            moment = next((at[dim] for dim in self.lead if _is(dim, _TIMES)), None)
            band = next((str(at[dim]) for dim in self.lead if not _is(dim, _TIMES)), None)
            name = self.name if band is None else band if self.name == "data" else f"{self.name}_{band}"
            fields = common | {"bands": [{"name": name}]} | ({PLACE: list(place)} if place else {})
            yield moment, name, fields


def _find_layers(group: Group) -> list[_Layer]:
    """Return the arrays on a grid.

    Raises
    ------
    InputError
        If there is none; it says what is wrong with the first that nearly is one.
    """
    layers, faults = [], []
    for name, array in group.arrays():
        dims = dimensions_of(array)
        lead = dims[:-2]
        if array.ndim < 2 or 0 in array.shape or array.dtype.kind not in "biuf" or array.dtype == np.float16:
            continue
        if not (dims and _is(dims[-2], _Y) and _is(dims[-1], _X) and _are_few(lead)):
            continue
        try:
            grid, flipped = _find_grid(group, name, array, dims)
            layers.append(_Layer(name, name, grid, flipped, lead))
        except InputError as error:
            faults.append(error)
    if faults and not layers:
        raise faults[0]
    if not layers:
        raise InputError(
            f"The Zarr {str(group.path)!r} has no array with the dimensions (y, x), with or without time and "
            "bands before them.",
            "Put the data on such a grid, and name the dimensions.",
        )
    return _name_layers(layers)


def _are_few(lead: tuple[str, ...]) -> bool:
    """Tell whether leading dimensions are time and bands at most, each once."""
    times = [dim for dim in lead if _is(dim, _TIMES)]
    return len(times) <= 1 and len(lead) - len(times) <= 1


def _is(dim: str, names: tuple[str, ...]) -> bool:
    return dim.lower() in names


def _find_grid(group: Group, name: str, array: Any, dims: tuple[str, ...]) -> tuple[Grid, bool]:
    epsg = find_epsg(_places(group, name))
    if epsg is None and dims[-1].lower().startswith("lon"):
        epsg = 4326
    if epsg is None:
        raise no_crs(name, group.path)
    coordinates = [_join(name, dim) for dim in dims[-2:]]
    transform = group.attributes(name).get("proj:transform")
    if isinstance(transform, list) and len(transform) >= 6 and not group.has(coordinates[1]):
        height, width = array.shape[-2:]
        return Grid.from_transform(epsg, transform[:6], width, height), False
    missing = [c for c in coordinates if not group.has(c)]
    if missing:
        raise InputError(
            f"The array {name!r} of {str(group.path)!r} has no coordinate {missing[0]!r}.", "Write it."
        )
    y, x = (Coordinate(c.rpartition("/")[2], group.read(c)) for c in coordinates)
    return grid_between(y, x, array.shape[-2:], epsg, group.path)


def _places(group: Group, name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the attributes in which a CRS may stand, the nearest first."""
    own = group.attributes(name)
    mapping = _join(name, own.get("grid_mapping") or "spatial_ref")
    if group.has(mapping):
        yield group.attributes(mapping)
    yield own
    parent = name.rpartition("/")[0]
    while parent:
        yield group.attributes(parent)
        parent = parent.rpartition("/")[0]
    attributes = group.attributes()
    yield attributes
    other = attributes.get("other_metadata")
    if isinstance(other, dict):
        yield {"crs": other.get("horizontal_CRS_code")}
    yield _discovery(group)


def _join(array: str, name: object) -> str:
    """Return the path of what lies beside an array."""
    return f"{array.rpartition('/')[0]}/{name}".lstrip("/")


def _discovery(group: Group) -> dict[str, Any]:
    """Return the STAC properties that EOPF products keep in their attributes."""
    found = group.attributes().get("stac_discovery")
    properties = found.get("properties") if isinstance(found, dict) else None
    return properties if isinstance(properties, dict) else {}


def _labels(group: Group, array: str, dim: str, length: int) -> list[Any]:
    """Return the labels along a leading dimension: instants, or names."""
    name = _join(array, dim)
    if not group.has(name):
        if _is(dim, _TIMES):
            raise InputError(
                f"The array {array!r} of {str(group.path)!r} has no coordinate {dim!r}.", "Write its times."
            )
        return list(range(1, length + 1))
    values = group.read(name)
    if values.shape != (length,):
        raise group.damaged(f"the coordinate {name} has the shape {values.shape}, not {(length,)}")
    if not _is(dim, _TIMES):
        return [str(value) for value in values]
    return decode_times(values, group.attributes(name), name, group.path)


def _name_layers(layers: list[_Layer]) -> list[_Layer]:
    """Return layers with names of their own: the array's, with the resolution or its path if that repeats."""
    named, taken = [], Counter(layer.array.rpartition("/")[2] for layer in layers)
    finest: dict[str, float] = {}
    for layer in layers:
        last = layer.array.rpartition("/")[2]
        finest[last] = min(finest.get(last, layer.grid.lattice.resolution_m), layer.grid.lattice.resolution_m)
    used: set[str] = set()
    for layer in layers:
        last, size = layer.array.rpartition("/")[2], layer.grid.lattice.resolution_m
        name = last if taken[last] == 1 or size == finest[last] else f"{last}_{size:g}m"
        name = layer.array.replace("/", "_") if name in used else name
        used.add(name)
        named.append(_Layer(layer.array, name, layer.grid, layer.flipped, layer.lead))
    return named


def _name(group: Group, path: Path) -> str:
    sentinel = _SENTINEL.match(path.name)
    kind = str(_discovery(group).get("product:type", ""))
    return name_collection(kind.lower()) if sentinel and kind else name_collection(path.stem)


def _find_time(group: Group, path: Path, options: IngestOptions) -> dict[str, str]:
    """Return the time of a group without a time axis: the user's, its own, or the date in its name."""
    known = _discovery(group)
    for key in ("datetime", "start_datetime"):
        if isinstance(known.get(key), str) and not options.datetime:
            return read_times(known[key])
    return find_times(path, options)
