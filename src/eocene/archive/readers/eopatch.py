"""EOPatch folders of eo-learn: an item a timestamp, its assets slices of the arrays where they lie.

What has no pixels (scalars, labels, vectors) is left where it is. Folders that older versions of eo-learn
saved with pickles are not read, since a pickle can run anything.

Source: eo-learn 1.5, eolearn.core.eodata_io.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import describe_file
from eocene.archive.product import (
    Product,
    Reader,
    bounds_degrees,
    format_instant,
    grid_fields,
    make_collection,
    make_item,
    name_collection,
)
from eocene.archive.raster import NPY
from eocene.archive.rasters.npy import open_array
from eocene.model.errors import DamageError, EoceneError, InputError
from eocene.model.grid import Grid
from eocene.model.timespan import parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.archive.product import IngestOptions
    from eocene.model.grid import BBox

_BBOX, _TIMES = "bbox.geojson", "timestamps.json"
_TEMPORAL, _TIMELESS = ("data", "mask"), ("data_timeless", "mask_timeless")
_KINDS = _TEMPORAL, _TIMELESS
_EPSG = re.compile(r"EPSG:[0-9.]*:?(\d+)$")


def recognise(path: Path) -> bool:
    """Tell whether it is a folder with a bounding box and arrays as eo-learn saves them."""
    if not path.is_dir() or not any((path / kind).is_dir() for kinds in _KINDS for kind in kinds):
        return False
    return any((path / name).is_file() for name in (_BBOX, "bbox.pkl", "bbox.pkl.gz"))


def read_product(path: Path, options: IngestOptions) -> Iterator[Product]:
    """Yield a collection with an item for each timestamp, and one for what has no time.

    Raises
    ------
    InputError
        If it was saved with pickles, or an array does not belong to the timestamps.
    DamageError
        If a file cannot be read.
    """
    if not (path / _BBOX).is_file():
        raise InputError(
            f"The EOPatch {str(path)!r} was saved with pickles, which are not opened.",
            "Load it with the eo-learn that wrote it and save it with eo-learn 1.0 or newer.",
            code="FormatUnsuitable",
        )
    name = options.collection or name_collection(path.name)
    place, times = _read_box(path / _BBOX), _read_times(path / _TIMES)
    temporal, timeless = ([f for kind in kinds for f in _list_arrays(path / kind)] for kinds in _KINDS)
    for file in temporal:
        if len(open_array(describe_file(file))) != len(times):
            raise InputError(
                f"The array {str(file)!r} has {len(open_array(describe_file(file)))} steps, "
                f"{_TIMES} has {len(times)}.",
                "Save the EOPatch again.",
            )
    steps = enumerate(times) if temporal else ()
    items = [_make_item(name, f"{path.name}_{_compact(t)}", place, temporal, (t, i)) for i, t in steps]
    yield make_collection(name, path.name, f"The EOPatch {path.name} of eo-learn."), items
    if timeless:
        other, span = f"{name}-timeless", times or ["1970-01-01T00:00:00Z"]
        item = _make_item(other, path.name, place, timeless, (span[0], None))
        item["properties"] |= {"start_datetime": span[0], "end_datetime": span[-1]}
        yield make_collection(other, other, f"What has no time in the EOPatch {path.name}."), [item]


READER = Reader("eopatch", "EOPatch folders of eo-learn (.npy arrays)", recognise, read_product)


def _compact(moment: str) -> str:
    return re.sub("[^0-9T]", "", moment)


def _list_arrays(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    packed = sorted(f for f in folder.iterdir() if f.name.endswith((".npy.gz", ".pkl", ".zarr")))
    if packed:
        raise InputError(
            f"The array {str(packed[0])!r} is not stored as .npy.",
            "Save the EOPatch without compression and without Zarr (compress_level=0, use_zarr=False).",
            code="FormatUnsuitable",
        )
    return sorted(folder.glob("*.npy"))


def _make_item(
    collection: str, name: str, place: tuple[BBox, int], files: list[Path], step: tuple[str, int | None]
) -> dict[str, Any]:
    moment, index = step
    assets: dict[str, Any] = {}
    for file in files:
        array = open_array(describe_file(file))
        if array.ndim != (3 if index is None else 4) or 0 in array.shape:
            axes = "(y, x, band)" if index is None else "(time, y, x, band)"
            raise InputError(f"The array {str(file)!r} has the shape {array.shape}.", f"It must be {axes}.")
        grid = _place(place, array.shape[-3:-1])
        bands = array.shape[-1]
        for band in range(1, bands + 1):
            key = file.stem if bands == 1 else f"{file.stem}_{band}"
            assets[key] = {
                "href": str(file.resolve()),
                "type": NPY,
                "roles": ["data"],
                **grid_fields(grid),
                "data_type": str(array.dtype),
                "gsd": grid.lattice.resolution_m,
                "bands": [{"name": key}],
                "eocene:band": band,
            } | ({} if index is None else {"eocene:index": index})
    bbox = bounds_degrees(grid)
    return make_item(collection, name, bbox, {"datetime": moment, "proj:code": f"EPSG:{place[1]}"}, assets)


def _place(place: tuple[BBox, int], shape: tuple[int, ...]) -> Grid:
    """Return the grid of an array that fills the bounding box."""
    (west, south, east, north), epsg = place
    height, width = shape
    transform = ((east - west) / width, 0.0, west, 0.0, (south - north) / height, north)
    return Grid.from_transform(epsg, transform, width, height)


def _read_box(path: Path) -> tuple[BBox, int]:
    try:
        document = json.loads(path.read_bytes())
        ring = np.asarray(document["coordinates"][0], np.float64)
        found = _EPSG.search(document["crs"]["properties"]["name"])
        (west, south), (east, north) = ring.min(axis=0), ring.max(axis=0)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError, OSError) as error:
        raise _damaged(path, error) from error
    epsg = int(found[1]) if found else 0
    if not (found and np.isfinite(ring).all() and west < east and south < north):
        raise _damaged(path, "it is no box in a CRS with an EPSG code")
    return (float(west), float(south), float(east), float(north)), epsg


def _read_times(path: Path) -> list[str]:
    if not path.is_file():
        return []
    try:
        return [format_instant(parse_instant(text)) for text in json.loads(path.read_bytes())]
    except (ValueError, TypeError, AttributeError, RecursionError, EoceneError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, why: object) -> DamageError:
    return DamageError(f"The file {str(path)!r} cannot be read: {why}.", "Save the EOPatch again.")
