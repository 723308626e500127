"""Cubes as files: the blocks go into a Zarr, and every other file is made from that."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from eocene.cube.stored import StoredForm, Tally, stored_form
from eocene.cube.write import CubeStore
from eocene.model import InputError
from eocene.model.files import write_json
from eocene.process.cost.estimate import refuse_if_too_large
from eocene.process.executors.ledger import map_rest
from eocene.process.output.formats import DATATYPES
from eocene.process.output.netcdf import write_netcdf
from eocene.process.output.picture import save_png
from eocene.process.output.stac import name_files
from eocene.process.output.tables import cube_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from eocene.process.executors import Progress
    from eocene.process.executors.ledger import Ledger
    from eocene.process.run import Plan
    from eocene.process.schema import CubeSchema


@dataclass(frozen=True)
class Layer:
    """One date and band of a cube: labels (None without such a dimension) and positions that lead to it."""

    time: Any
    band: Any
    position: tuple[int, ...]


@dataclass(frozen=True)
class StoredCube:
    """A cube in its Zarr, and how GeoTIFFs of it are stored."""

    store: CubeStore
    form: StoredForm
    warnings: list[str]


def list_layers(schema: CubeSchema) -> list[Layer]:
    """Return the layers of a cube, those of the first date first."""
    lead = schema.dims[:-2]
    order = [d for kind in ("temporal", "bands") for d in schema.probe.dims_of(kind)]
    layers = []
    for places in itertools.product(*(range(len(schema.labels[d])) for d in order)):
        at = dict(zip(order, places, strict=True))
        labels = {schema.probe.kind_of(d): schema.labels[d][p] for d, p in at.items()}
        layers.append(Layer(labels.get("temporal"), labels.get("bands"), tuple(at[d] for d in lead)))
    return layers


def wanted_datatype(plan: Plan) -> str | None:
    """Return the storage dtype that save_result asks for, or None for that of the values.

    Raises
    ------
    InputError
        If there is no such dtype.
    """
    datatype = ((plan.save or {}).get("options") or {}).get("datatype")
    if datatype is not None and datatype not in DATATYPES:
        raise InputError(
            f"save_result has no datatype {datatype!r}.",
            f"Use one of {', '.join(DATATYPES)}.",
            code="ProcessParameterInvalid",
        )
    return datatype


def store_cube(
    plan: Plan,
    path: Path,
    *,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] = bool,
) -> StoredCube:
    """Compute a plan into a Zarr, block by block where its executor computes them.

    What the ledger says is finished, in a Zarr that lies there, is not computed again.

    Raises
    ------
    InputError
        ProcessGraphComplexity, before a pixel is read, if not even one block at a time fits into memory.
    Stopped
        If ``should_stop`` said so between two blocks.
    """
    refuse_if_too_large(plan, in_memory=False)
    schema, datatype = plan.schema, wanted_datatype(plan)
    dtype = np.dtype(datatype) if datatype else schema.dtype
    if ledger is None or not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        CubeStore.create(
            draft, schema.dims, schema.labels, plan.grid, dtype, block=plan.block_size, step=plan.step
        )
        draft.rename(path)
    store = CubeStore(path, plan.grid)
    tallies = map_rest(
        plan,
        "write",
        list(plan.parts()),
        {"path": str(path), "datatype": datatype},
        ledger=ledger,
        progress=progress,
        should_stop=should_stop,
    )
    tally = sum((Tally(**counts) for counts in tallies), start=Tally())
    store.sweep()
    form = stored_form(dtype, wide=tally.reserved > 0)
    warnings = tally.warnings(dtype)
    if tally.reserved:
        warnings.append(
            f"{dtype} values use the number for no-data, {stored_form(dtype).nodata:.0f}: "
            f"GeoTIFFs are {form.dtype} with {form.nodata} for no-data."
        )
    return StoredCube(store, form, warnings)


def write_cogs(
    plan: Plan,
    cube: StoredCube,
    folder: Path,
    files: Sequence[dict[str, Any]],
    *,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] = bool,
) -> list[dict[str, Any]]:
    """Make COGs from a stored cube and return size and checksum of each.

    Parameters
    ----------
    plan : Plan
        Of the cube.
    cube : StoredCube
        What :func:`store_cube` made.
    folder : Path
        Where to.
    files : sequence of dict
        ``name``, ``layers`` (positions) and ``bands`` (descriptions) of each.
    ledger, progress, should_stop
        As for blocks.
    """
    common = {
        "path": str(cube.store.path),
        "folder": str(folder),
        "dtype": cube.form.dtype.str,
        "nodata": None if np.isnan(cube.form.nodata) else cube.form.nodata,
    }
    return map_rest(
        plan, "cog", files, common,
        ledger=ledger, progress=progress, should_stop=should_stop,
    )  # fmt: skip


def write_geotiff(plan: Plan, cube: StoredCube, path: Path) -> None:
    """Write all layers of a stored cube as bands of one COG."""
    layers = list_layers(plan.schema)
    times, bands = (name_files([getattr(x, a) for x in layers], "") for a in ("time", "band"))
    names = [f"{time} {band}".strip() or "data" for time, band in zip(times, bands, strict=True)]
    write_cogs(
        plan, cube, path.parent, [{"name": path.name, "layers": [x.position for x in layers], "bands": names}]
    )


def convert_cube(store: CubeStore, folder: Path, wanted: str) -> tuple[Path, str]:
    """Write a stored cube in another format, and return the file with its media type."""
    if wanted == "netCDF":
        return write_netcdf(store, folder / "result.nc"), "application/x-netcdf"
    with xr.open_dataset(store.path, engine="zarr", consolidated=False) as stored:
        return save_small(stored["data"].load(), folder, wanted)


def save_small(cube: xr.DataArray, folder: Path, wanted: str) -> tuple[Path, str]:
    """Write a cube that is in memory as JSON or as a picture."""
    if wanted == "JSON":
        write_json(folder / "result.json", cube_json(cube))
        return folder / "result.json", "application/json"
    return save_png(cube, folder / "result.png"), "image/png"
