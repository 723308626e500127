"""Results on disk: a folder with COGs, Zarr and a STAC collection that tells where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import xarray as xr

from eocene.cube.write import CogWriter, ZarrWriter, stored_numbers
from eocene.model import InputError
from eocene.model.files import write_json
from eocene.process.formats import formats_for
from eocene.process.picture import check_picture, save_png
from eocene.process.run import map_blocks
from eocene.process.stac import COG, ResultInfo, describe_file, make_collection, make_item, name_file
from eocene.process.tables import cube_json, save_table, save_value

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.cube.block import Block
    from eocene.process.run import Plan, Progress


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
    check_suitable(plan, (plan.save or {}).get("format", "GTiff" if plan.is_cube else "JSON"), batch=True)
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
    names = [[f"{name_file(t, info.id)}_{name_file(b, 'data')}.tif" for b in bands] for t in times]
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
        make_item(plan, info, time, {b: folder / n for b, n in zip(bands, row, strict=True)})
        for time, row in zip(times, names, strict=True)
    ]
    extra = _write_other_format(plan, folder, zarr_path)
    zarr_asset = {
        "href": "./cube.zarr",
        "type": "application/vnd.zarr; version=3",
        "roles": ["data"],
        "title": "The whole cube, sharded Zarr v3",
    }
    return items, {"cube": zarr_asset, **extra}


def _write_other_format(plan: Plan, folder: Path, zarr_path: Path) -> dict[str, Any]:
    """Write the format that save_result names, if it is neither COG nor Zarr, from the Zarr."""
    wanted = (plan.save or {}).get("format", "GTiff")
    if wanted in ("GTiff", "Zarr"):
        return {}
    with xr.open_dataset(zarr_path, engine="zarr", consolidated=False) as stored:
        path, kind = _save_cube(stored["data"].load(), folder, wanted)
    return {"result": {"href": f"./{path.name}", "type": kind, "roles": ["data"], **describe_file(path)}}


def _as_layers(block: Block, count: int) -> NDArray[Any]:
    """Return (dates x bands, 1, height, width) of stored numbers."""
    order = [block.dims.index(d) for d in ("t", "bands") if d in block.dims]
    stored = stored_numbers(block).transpose([*order, block.values.ndim - 2, block.values.ndim - 1])
    return stored.reshape(count, 1, *stored.shape[-2:])


def _write_table(
    plan: Plan, folder: Path, progress: Progress | None, should_stop: Callable[[], bool]
) -> dict[str, Any]:
    table = plan.run_table(progress, should_stop=should_stop)
    wanted = (plan.save or {}).get("format", "JSON")
    written = [
        save_table(table, folder, name, "table") for name in dict.fromkeys(("GeoParquet", "JSON", wanted))
    ]
    return {
        path.name: {"href": f"./{path.name}", "type": kind, "roles": ["data"], **describe_file(path)}
        for path, kind in written
    }


def _write_value(plan: Plan, folder: Path) -> dict[str, Any]:
    save_value(plan.run(), folder / "value.json")
    return {"value": {"href": "./value.json", "type": "application/json", "roles": ["data"]}}


def save_file(plan: Plan, folder: Path, wanted: str | None = None) -> tuple[Path, str]:
    """Compute a plan into one file and return it with its media type.

    The format is the one wanted, or that of save_result, or GTiff for a cube and JSON for a table or a
    plain value. A GeoTIFF holds all dates and bands as bands of one file.
    """
    wanted = wanted or (plan.save or {}).get("format", "GTiff" if plan.is_cube else "JSON")
    check_suitable(plan, wanted)
    if not plan.is_cube:
        return _save_records(plan, folder, wanted)
    if wanted == "GTiff":
        return _save_geotiff(plan, folder / "result.tif"), COG
    return _save_cube(plan.run(), folder, wanted)


def _save_cube(cube: xr.DataArray, folder: Path, wanted: str) -> tuple[Path, str]:
    """Write a cube that is in memory, and return the file with its media type."""
    if wanted == "netCDF":
        cube.attrs.pop("grid_mapping", None)
        cube.encoding = {"grid_mapping": "spatial_ref"}
        cube.to_netcdf(folder / "result.nc", engine="h5netcdf")
        return folder / "result.nc", "application/x-netcdf"
    if wanted == "JSON":
        write_json(folder / "result.json", cube_json(cube))
        return folder / "result.json", "application/json"
    return save_png(cube, folder / "result.png"), "image/png"


def _save_records(plan: Plan, folder: Path, wanted: str) -> tuple[Path, str]:
    value = plan.run()
    if plan.is_table:
        return save_table(value, folder, wanted)
    save_value(value, folder / "result.json")
    return folder / "result.json", "application/json"


def _save_geotiff(plan: Plan, path: Path) -> Path:
    schema = plan.schema
    names = [
        " ".join(name_file(part, "") for part in (t, b) if part is not None) or "data"
        for t in (schema.times or (None,))
        for b in (schema.bands or (None,))
    ]
    with CogWriter([path], schema.grid, schema.dtype, names) as file:
        for block in map_blocks(plan.compute, list(plan.blocks())):
            if block.grid is not None:
                file.write(block.grid, _as_layers(block, len(names))[:, 0][None])
    return path


def check_suitable(plan: Plan, wanted: str, *, batch: bool = False) -> None:
    """Refuse a format that cannot hold the result, before anything is computed.

    A batch job writes a cube as COG and Zarr in any case, and a table in both of its formats.

    Raises
    ------
    InputError
        FormatUnsuitable, naming the formats that can.
    """
    names = formats_for("raster" if plan.is_cube else "vector")
    if not batch:
        names.discard("Zarr")
    if (plan.is_cube or plan.is_table) and wanted not in names:
        raise InputError(
            f"A {'cube' if plan.is_cube else 'table'} cannot be written as {wanted}.",
            f"Use {', '.join(sorted(names))}{'' if batch else '; a batch job also writes Zarr'}.",
            code="FormatUnsuitable",
        )
    others = [d for d in plan.schema.dims if d not in ("t", "bands", "y", "x")] if plan.is_cube else []
    if others and (batch or wanted == "GTiff"):
        raise InputError(
            f"GeoTIFF cannot hold the dimensions {', '.join(others)}.",
            "Reduce or drop them first.",
            code="FormatUnsuitable",
        )
    if plan.is_cube and wanted == "PNG":
        check_picture(dict(zip(plan.schema.dims, plan.schema.shape, strict=True)))
