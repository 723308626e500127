"""Results on disk: a folder with COGs, Zarr and a STAC collection that tells where they come from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from eocene._version import __version__
from eocene.cube.write import CogWriter, ZarrWriter, stored_form, stored_numbers
from eocene.model import InputError
from eocene.model.files import write_json
from eocene.process.run import map_blocks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.cube.block import Block
    from eocene.process.run import Plan, Progress

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_VERSION = "1.1.0"
_EXTENSIONS = [
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
]


@dataclass(frozen=True)
class ResultInfo:
    """What the STAC documents of a result say about it."""

    id: str
    title: str
    created: str
    parameters: dict[str, Any]


def write_results(
    plan: Plan,
    folder: Path,
    info: ResultInfo,
    *,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] = bool,
) -> dict[str, Any]:
    """Compute a plan into an empty folder and return the STAC collection, also written there.

    A cube gives one COG for each date and band, one item a date, and ``cube.zarr``; a table gives
    ``table.parquet`` and ``table.json``; a plain value ``value.json``.

    Raises
    ------
    Stopped
        If ``should_stop`` said so between two blocks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if plan.is_cube:
        items, assets = _write_cube(plan, folder, info, progress, should_stop)
    elif plan.is_table:
        items, assets = [], _write_table(plan, folder, progress, should_stop)
    else:
        items, assets = [], _write_value(plan, folder)
    collection = make_collection(plan, info, items, assets)
    for item in items:
        write_json(folder / f"{item['id']}.json", item)
    write_json(folder / "collection.json", collection)
    return collection


def _write_cube(
    plan: Plan, folder: Path, info: ResultInfo, progress: Progress | None, should_stop: Callable[[], bool]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    schema = plan.schema
    times, bands = schema.times or (None,), schema.bands or ("data",)
    names = [[f"{_file_name(t, info.id)}_{_file_name(b, 'data')}.tif" for b in bands] for t in times]
    paths = [folder / name for row in names for name in row]
    size = plan.block_size
    zarr_path = folder / "cube.zarr"
    store = ZarrWriter(zarr_path, schema.dims, schema.labels, schema.grid, schema.dtype, block=size)
    with CogWriter(paths, schema.grid, schema.dtype) as cogs:
        blocks = map_blocks(plan.compute, list(plan.blocks()), progress, should_stop=should_stop)
        for block in blocks:
            if block.grid is None:
                raise InputError("The result has no place on a grid.", "Keep the dimensions y and x.")
            cogs.write(block.grid, _as_layers(block, len(paths)))
            store.write(block, block.grid)
    items = [
        _make_item(plan, info, time, {b: folder / n for b, n in zip(bands, row, strict=True)})
        for time, row in zip(times, names, strict=True)
    ]
    zarr_asset = {"href": "./cube.zarr", "type": "application/vnd.zarr; version=3", "roles": ["data"],
                  "title": "The whole cube, sharded Zarr v3"}  # fmt: skip
    return items, {"cube": zarr_asset}


def _as_layers(block: Block, count: int) -> NDArray[Any]:
    """Return (dates x bands, 1, height, width) of stored numbers."""
    order = [block.dims.index(d) for d in ("t", "bands") if d in block.dims]
    others = [i for i in range(len(block.dims) - 2) if i not in order]
    if others:
        names = ", ".join(block.dims[i] for i in others)
        raise InputError(f"GeoTIFF cannot hold the dimensions {names}.", "Reduce or drop them first.")
    stored = stored_numbers(block).transpose([*order, block.values.ndim - 2, block.values.ndim - 1])
    return stored.reshape(count, 1, *stored.shape[-2:])


def _file_name(label: Any, default: str) -> str:
    if label is None:
        return default
    text = str(label).removesuffix("T00:00:00")
    return "".join(c if c.isalnum() or c in "-." else "-" for c in text)


def _write_table(
    plan: Plan, folder: Path, progress: Progress | None, should_stop: Callable[[], bool]
) -> dict[str, Any]:
    table = plan.run_table(progress, should_stop=should_stop)
    table.to_parquet(folder / "table.parquet")
    (folder / "table.json").write_text(table_json(table), encoding="utf-8")
    kinds = {"table.parquet": "application/vnd.apache.parquet", "table.json": "application/json"}
    return {
        name: {"href": f"./{name}", "type": kind, "roles": ["data"], **describe_file(folder / name)}
        for name, kind in kinds.items()
    }


def table_json(table: Any) -> str:
    """Return a table of zones as JSON records without geometry; times in ISO 8601, NaN as null."""
    frame = pd.DataFrame(table.drop(columns="geometry"))
    text: str = frame.to_json(orient="records", date_format="iso")
    return text


def _write_value(plan: Plan, folder: Path) -> dict[str, Any]:
    write_json(folder / "value.json", plan.run())
    return {"value": {"href": "./value.json", "type": "application/json", "roles": ["data"]}}


def describe_file(path: Path) -> dict[str, Any]:
    """Return size and checksum (multihash, SHA-256) as the STAC file extension writes them."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"file:size": path.stat().st_size, "file:checksum": f"1220{digest}"}


def _make_item(plan: Plan, info: ResultInfo, time: Any, files: dict[str, Path]) -> dict[str, Any]:
    grid = plan.schema.grid
    west, south, east, north = grid.bounds_in(4326)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    dtype, nodata = stored_form(plan.schema.dtype)
    form = {
        "type": COG, "roles": ["data"], "proj:code": f"EPSG:{grid.epsg}", "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform), "data_type": str(dtype),
        "nodata": "nan" if np.isnan(nodata) else nodata,
    }  # fmt: skip
    return {
        "type": "Feature", "stac_version": _VERSION, "stac_extensions": _EXTENSIONS,
        "id": f"{info.id}_{_file_name(time, 'all')}", "collection": info.id,
        "bbox": [west, south, east, north], "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {**_time_properties(plan, time), "created": info.created, "proj:code": f"EPSG:{grid.epsg}",
                       "processing:software": {"eocene": __version__}},
        "links": [{"rel": "collection", "href": "./collection.json", "type": "application/json"}],
        "assets": {band: {"href": f"./{path.name}", **form, "bands": [{"name": band}], **describe_file(path)}
                   for band, path in files.items()},
    }  # fmt: skip


def _time_properties(plan: Plan, time: Any) -> dict[str, Any]:
    """Return the instant of a date, or the span of a period, or of all items."""
    try:
        if isinstance(time, np.datetime64):
            return {"datetime": _iso(time)}
        if isinstance(time, str):
            start = np.array(time, dtype="datetime64")
            end = np.datetime64((start + 1).item(), "s") - np.timedelta64(1, "s")
            return {"datetime": None, "start_datetime": _iso(start), "end_datetime": _iso(end)}
    except ValueError:
        pass  # a period such as 2024-jja has no datetime64 form
    first, last = _span(plan)
    return {"datetime": None, "start_datetime": first, "end_datetime": last}


def _iso(time: Any) -> str:
    return f"{np.datetime64(time.item() if isinstance(time, np.ndarray) else time, 's')}Z"


def _span(plan: Plan) -> tuple[str, str]:
    times = sorted(i["properties"].get("datetime") or i["properties"]["start_datetime"] for i in plan.items)
    return times[0], times[-1]


def make_collection(
    plan: Plan, info: ResultInfo, items: list[dict[str, Any]], assets: dict[str, Any]
) -> dict[str, Any]:
    """Return the STAC collection of a result, with its lineage: items, graph, software, parameters."""
    links = [
        {"rel": "item", "href": f"./{item['id']}.json", "type": "application/geo+json"} for item in items
    ]
    links += [
        {"rel": "derived_from", "href": f"/stac/collections/{i.get('collection')}/items/{i['id']}",
         "type": "application/geo+json"}
        for i in plan.items
    ]  # fmt: skip
    has_pixels = plan.is_cube or plan.is_table
    bbox = list(plan.schema.grid.bounds_in(4326)) if has_pixels else [-180.0, -90.0, 180.0, 90.0]
    start, end = _span(plan) if plan.items else (info.created, info.created)
    return {
        "type": "Collection", "stac_version": _VERSION, "stac_extensions": _EXTENSIONS,
        "id": info.id, "title": info.title or info.id, "description": info.title or f"Job {info.id}",
        "license": "other", "created": info.created,
        "extent": {"spatial": {"bbox": [bbox]}, "temporal": {"interval": [[start, end]]}},
        "summaries": {"processing:software": [{"eocene": __version__}]},
        "processing:lineage": f"openEO process graph run by Eocene {__version__} on {len(plan.items)} items.",
        "processing:expression": {"format": "openeo", "expression": plan.graph.source},
        "eocene:parameters": json.loads(json.dumps(info.parameters, default=str)),
        "links": links, "assets": assets,
    }  # fmt: skip


def save_file(plan: Plan, folder: Path, wanted: str | None = None) -> tuple[Path, str]:
    """Compute a plan into one file and return it with its media type.

    The format is the one wanted, or that of save_result, or GTiff for a cube and JSON for a table or a
    plain value. A GeoTIFF holds all dates and bands as bands of one file.
    """
    wanted = wanted or (plan.save or {}).get("format", "GTiff" if plan.is_cube else "JSON")
    if not plan.is_cube:
        return _save_records(plan, folder, wanted)
    if wanted == "GTiff":
        return _save_geotiff(plan, folder / "result.tif"), COG
    cube = plan.run()
    if wanted == "netCDF":
        cube.attrs.pop("grid_mapping", None)
        cube.encoding["grid_mapping"] = "spatial_ref"
        cube.to_netcdf(folder / "result.nc", engine="h5netcdf")
        return folder / "result.nc", "application/x-netcdf"
    if wanted == "JSON":
        write_json(folder / "result.json", cube_json(cube))
        return folder / "result.json", "application/json"
    if wanted == "PNG":
        from eocene.process.picture import save_png

        return save_png(cube, folder / "result.png"), "image/png"
    raise InputError(
        f"A cube cannot be sent as one {wanted} file.",
        "Use GTiff, netCDF, PNG or JSON; a batch job also writes Zarr.",
        code="FormatUnsuitable",
    )


def _save_records(plan: Plan, folder: Path, wanted: str) -> tuple[Path, str]:
    value = plan.run()
    if not plan.is_table:
        write_json(folder / "result.json", value)
    elif wanted == "GeoParquet":
        value.to_parquet(folder / "result.parquet")
        return folder / "result.parquet", "application/vnd.apache.parquet"
    elif wanted == "JSON":
        (folder / "result.json").write_text(table_json(value), encoding="utf-8")
    else:
        raise InputError(
            f"A table cannot be sent as {wanted}.", "Use JSON or GeoParquet.", code="FormatUnsuitable"
        )
    return folder / "result.json", "application/json"


def _save_geotiff(plan: Plan, path: Path) -> Path:
    schema = plan.schema
    names = [
        " ".join(_file_name(part, "") for part in (t, b) if part is not None) or "data"
        for t in (schema.times or (None,))
        for b in (schema.bands or (None,))
    ]
    with CogWriter([path], schema.grid, schema.dtype, names) as file:
        for block in map_blocks(plan.compute, list(plan.blocks())):
            if block.grid is not None:
                file.write(block.grid, _as_layers(block, len(names))[:, 0][None])
    return path


def cube_json(cube: Any) -> dict[str, Any]:
    """Return a small cube as nested lists with its dimensions and labels; no-data as null."""
    values = cube.values.astype(object)
    values[np.isnan(cube.values)] = None
    labels = {d: [str(v) if d in ("t", "bands") else float(v) for v in cube[d].values] for d in cube.dims}
    return {"dims": list(cube.dims), "coords": labels, "values": values.tolist(), "crs": cube.attrs["crs"]}
