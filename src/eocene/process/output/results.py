"""Results on disk: a folder with COGs, Zarr and a STAC collection that tells where they come from."""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.model import InputError
from eocene.model.files import sweep_leftovers, sync_folder, write_json
from eocene.process.executors.ledger import Ledger
from eocene.process.loads.faults import skipped_of
from eocene.process.output.delivery import deliver, refuse_export
from eocene.process.output.formats import formats_for
from eocene.process.output.picture import check_picture
from eocene.process.output.rasters import (
    convert_cube,
    list_layers,
    save_small,
    store_cube,
    wanted_datatype,
    write_cogs,
    write_geotiff,
)
from eocene.process.output.stac import COG, ResultInfo, describe_file, make_collection, make_item, name_files
from eocene.process.output.tables import save_records, save_value
from eocene.process.progress import part_of, steps_of
from eocene.process.running import settle_first
from eocene.process.settle import settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.process.progress import Progress
    from eocene.process.run import Plan

_log = logging.getLogger(__name__)


def write_results(
    plan: Plan,
    folder: Path,
    info: ResultInfo,
    *,
    work: Path | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] = bool,
) -> dict[str, Any]:
    """Compute a plan into a new or empty folder and return the STAC collection, also written there.

    A cube gives one COG for each date and band, one item a date, and ``cube.zarr``; a table gives
    ``table.parquet`` and ``table.json``; a plain value ``value.json``. The folder is there with all of
    it or not at all: until then the files lie beside it, in a folder whose name starts with a dot.

    Parameters
    ----------
    plan, folder, info
        What, where to, and what is told about it.
    work : Path, optional
        A folder on the same disk, kept by the caller, where the files lie until then: who calls again
        with the same plan and folder goes on from the blocks that are finished.
    progress, should_stop
        Told (finished, all) blocks and files; asked between two.

    Raises
    ------
    Stopped
        If ``should_stop`` said so between two blocks.
    """
    check_suitable(plan, (plan.save or {}).get("format", "GTiff" if plan.is_cube else "JSON"), batch=True)
    plan, progress = settle_first(plan, progress, should_stop)
    if work is not None:
        plan, ledger, draft = _resume(plan, work)
        return _fill_folder(plan, draft, folder, info, ledger, progress, should_stop)
    draft = folder.with_name(f".{folder.name.lstrip('.')}.{secrets.token_hex(4)}")
    draft.mkdir(parents=True)
    try:
        return _fill_folder(plan, draft, folder, info, None, progress, should_stop)
    finally:
        _remove(draft)


def _resume(plan: Plan, work: Path) -> tuple[Plan, Ledger | None, Path]:
    """Return the plan as it was begun, what is finished of it, and the folder with the files of that."""
    draft = work / "draft"
    ledger = Ledger(work / "finished") if plan.is_cube else None
    goes_on = False
    if ledger is not None:
        if not draft.exists():
            _remove(ledger.folder)
        plan, goes_on = ledger.open(plan)
    if not goes_on:
        _remove(draft)
    sweep_leftovers(draft)
    draft.mkdir(parents=True, exist_ok=True)
    return plan, ledger, draft


def _remove(folder: Path) -> None:
    """Remove what is left of a draft, also while a worker of a cluster ends the block that it is writing."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def _fill_folder(
    plan: Plan,
    folder: Path,
    target: Path,
    info: ResultInfo,
    ledger: Ledger | None,
    progress: Progress | None,
    should_stop: Callable[[], bool],
) -> dict[str, Any]:
    """Write everything into a folder, which becomes the target when it is complete."""
    items: list[dict[str, Any]] = []
    warnings: list[str] = []
    if plan.is_cube:
        items, assets, warnings = _write_cube(plan, folder, info, ledger, progress, should_stop)
    elif plan.is_table:
        assets = _write_table(plan, folder, progress, should_stop)
    else:
        assets = _write_value(plan, folder)
    collection = make_collection(plan, info, items, assets)
    if warnings:
        collection["eocene:warnings"] = warnings
    if skipped := skipped_of(plan.nodes):
        collection["eocene:skipped"] = skipped
    for line in warnings:
        _log.warning("result %s: %s", info.id, line)
    for item in items:
        write_json(folder / f"{item['id']}.json", item)
    write_json(folder / "collection.json", collection)
    collection = deliver(plan, folder, collection)
    folder.rename(target)
    sync_folder(target.parent)
    return collection


def _write_cube(
    plan: Plan,
    folder: Path,
    info: ResultInfo,
    ledger: Ledger | None,
    progress: Progress | None,
    should_stop: Callable[[], bool],
) -> tuple[list[dict[str, Any]], dict[str, Any], list[str]]:
    layers = list_layers(plan.schema)
    dates = name_files([x.time for x in layers], "all")
    bands = name_files([x.band for x in layers], "data")
    names = [
        f"{info.id if x.time is None else date}_{band}.tif"
        for x, date, band in zip(layers, dates, bands, strict=True)
    ]
    files = [
        {"name": n, "layers": [x.position], "bands": ["data"]} for n, x in zip(names, layers, strict=True)
    ]
    first = steps_of(plan.stages_left()) + len(list(plan.parts()))
    total = first + len(files)
    storing, writing = part_of(progress, 0, first, total), part_of(progress, first, total, total)
    if ledger is not None:  # a job that is canceled halfway shows what is finished by then
        write_json(folder / "collection.json", make_collection(plan, info, [], {"cube": _ZARR_ASSET}))
    cube = store_cube(plan, folder / "cube.zarr", ledger=ledger, progress=storing, should_stop=should_stop)
    made = write_cogs(plan, cube, folder, files, ledger=ledger, progress=writing, should_stop=should_stop)
    rows = zip(layers, dates, names, made, strict=True)
    items = [
        make_item(
            plan, date, row[0][0].time, info, cube.form,
            {x.band or "data": {"href": f"./{name}", **described} for x, _, name, described in row},
        )
        for date, row in ((date, list(row)) for date, row in groupby(rows, key=lambda entry: entry[1]))
    ]  # fmt: skip
    assets = {"cube": _ZARR_ASSET}
    wanted = (plan.save or {}).get("format", "GTiff")
    if wanted not in ("GTiff", "Zarr"):
        assets["result"] = _describe(*convert_cube(cube.store, folder, wanted))
    return items, assets, cube.warnings


_ZARR_ASSET = {
    "href": "./cube.zarr",
    "type": "application/vnd.zarr; version=3",
    "roles": ["data"],
    "title": "The whole cube, sharded Zarr v3",
}


def _describe(path: Path, kind: str) -> dict[str, Any]:
    return {"href": f"./{path.name}", "type": kind, "roles": ["data"], **describe_file(path)}


def _write_table(
    plan: Plan, folder: Path, progress: Progress | None, should_stop: Callable[[], bool]
) -> dict[str, Any]:
    table = plan.run(progress, should_stop=should_stop)
    wanted = (plan.save or {}).get("format", "JSON")
    always = ("GeoParquet", "JSON") if kind_of_result(plan) == "vector" else ("JSON",)
    written = [save_records(table, folder, name, "table") for name in dict.fromkeys((*always, wanted))]
    return {path.name: _describe(path, kind) for path, kind in written}


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
    plan = settle(plan)
    if not plan.is_cube:
        return save_records(plan.run(), folder, wanted)
    if wanted not in ("GTiff", "netCDF"):
        return save_small(plan.run(), folder, wanted)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as draft:
        cube = store_cube(plan, Path(draft) / "cube.zarr")
        if wanted == "netCDF":
            return convert_cube(cube.store, folder, wanted)
        write_geotiff(plan, cube, folder / "result.tif")
    return folder / "result.tif", COG


def kind_of_result(plan: Plan) -> str:
    """Return whether a result is a raster, vector (with geometries) or table cube, or other: plain values."""
    if not (plan.is_cube or plan.is_table):
        return "other"
    return "raster" if plan.is_cube else "vector" if plan.schema.probe.dims_of("geometry") else "table"


def check_suitable(plan: Plan, wanted: str, *, batch: bool = False) -> None:
    """Refuse a format that cannot hold the result, before anything is computed.

    A batch job writes a cube as COG and Zarr in any case, and a table in both of its formats.

    Raises
    ------
    InputError
        FormatUnsuitable, naming the formats that can; DataCubeEmpty.
    """
    kind = kind_of_result(plan)
    names = formats_for(kind)
    if not batch:
        refuse_export(plan)
        names.discard("Zarr")
    if wanted not in names and kind != "other":
        raise InputError(
            f"A {'cube' if plan.is_cube else 'table'} cannot be written as {wanted}.",
            f"Use {', '.join(sorted(names))}{'' if batch else '; a batch job also writes Zarr'}.",
            code="FormatUnsuitable",
        )
    empty = (
        [d for d, n in zip(plan.schema.dims, plan.schema.shape, strict=True) if not n] if plan.is_cube else []
    )
    if empty and (batch or wanted in ("GTiff", "PNG")):
        raise InputError(
            f"The result has no label along {empty[0]!r}, and an image cannot be empty.",
            "Filter less, or use netCDF or JSON in a synchronous request.",
            code="DataCubeEmpty",
        )
    others = [d for d in plan.schema.dims if d not in ("t", "bands", "y", "x")] if plan.is_cube else []
    if others and (batch or wanted == "GTiff"):
        raise InputError(
            f"GeoTIFF cannot hold the dimensions {', '.join(others)}.",
            "Reduce or drop them first.",
            code="FormatUnsuitable",
        )
    if plan.is_cube:
        wanted_datatype(plan)
    if plan.is_cube and wanted == "PNG":
        check_picture(dict(zip(plan.schema.dims, plan.schema.shape, strict=True)))
