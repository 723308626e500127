"""From a plan that ends in ml_embed to vectors with places and times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.naming import format_label
from eocene.learn.embed.vectors import Embeddings
from eocene.learn.features import follow_by_model, node
from eocene.model import InputError, transformer
from eocene.model.timespan import parse_instant
from eocene.process.executors import map_blocks

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from eocene.model import Grid
    from eocene.process import Plan
    from eocene.process.progress import Progress

Part = tuple["NDArray[Any]", "NDArray[Any]", "NDArray[Any]", "NDArray[Any]"]


def add_embedding(features: Mapping[str, Any], encoder: str) -> dict[str, Any]:
    """Return a flat feature graph followed by the vectors of an encoder.

    Raises
    ------
    InputError
        If the graph has no result.
    """
    loader = node("load_encoder", id=encoder)
    return follow_by_model(features, loader, "ml_embed", ("encoder", "vectors"))


def gather_embeddings(
    plan: Plan,
    *,
    name: str = "embeddings",
    unit: str = "pixel",
    step: int = 1,
    time: str | None = None,
    progress: Progress | None = None,
) -> Embeddings:
    """Run a plan block by block and return the vectors that it gives.

    Parameters
    ----------
    plan : Plan
        Of a graph that ends in ml_embed, (bands, y, x) or (t, bands, y, x).
    name : str
        The readable part of the id.
    unit : str
        "pixel" or "chip", as the encoder has it, or "cell": their means in Major TOM's cells of 10 km.
    step : int
        Take every so many pixels along x and y, counted from pixel 0 of the grid.
    time : str, optional
        When the vectors are meant to be, if the result has no t; by default the latest time of an item.
    progress : callable, optional
        Called with (finished blocks, all blocks).

    Raises
    ------
    InputError
        If the result is no cube of vectors, or no pixel of it has data.
    """
    if not plan.is_cube or "bands" not in plan.schema.dims or step < 1:
        raise InputError(
            "The graph gives no cube of vectors.", "End it in ml_embed, with a step of 1 or more."
        )
    instant = _find_time(plan, time)
    found = [
        part
        for part in map_blocks(lambda block: _read(plan, block, step, instant), list(plan.blocks()), progress)
        if len(part[0])
    ]
    if not found:
        raise InputError("No place has data.", "Choose another extent, or a smaller step.")
    vectors, places, times, ids = (np.concatenate(column) for column in zip(*found, strict=True))
    items = sorted({f"{i.get('collection')}/{i['id']}" for i in plan.items})
    embeddings = Embeddings(
        vectors=vectors, lon=places[:, 0], lat=places[:, 1], time=times, ids=ids,
        unit="pixel" if unit == "cell" else unit, name=name,
        sources={"graph": plan.graph.source, "items": items},
    )  # fmt: skip
    return embeddings.gather_cells() if unit == "cell" else embeddings


def _find_time(plan: Plan, time: str | None) -> np.datetime64:
    if time is not None:
        return parse_instant(time)
    told = [i["properties"].get("datetime") or i["properties"].get("end_datetime") for i in plan.items]
    latest: np.datetime64 = max((parse_instant(t) for t in told if t), default=np.datetime64("NaT", "s"))
    return latest


def _read(plan: Plan, block: Grid, step: int, instant: np.datetime64) -> Part:
    """Return vectors, places in degrees, times and ids of the pixels of a block that have data."""
    cube: xr.DataArray = plan.read(block)
    rows = np.flatnonzero((block.top + np.arange(block.height)) % step == 0)
    cols = np.flatnonzero((block.left + np.arange(block.width)) % step == 0)
    cube = cube.isel(y=rows, x=cols)
    if "t" not in cube.dims:
        cube = cube.expand_dims("t")
        times = np.array([instant])
    else:
        times = cube["t"].to_numpy().astype("datetime64[s]")
    values = cube.transpose("t", "y", "x", "bands").to_numpy().astype(np.float32)
    at_t, at_y, at_x = np.nonzero(np.isfinite(values).all(axis=-1) & (values != 0).any(axis=-1))
    x, y = cube["x"].to_numpy()[at_x], cube["y"].to_numpy()[at_y]
    lon, lat = transformer(block.epsg, 4326).transform(x, y)
    labels = ["" if np.isnat(t) else f"/{format_label(t)}" for t in times]
    ids = [
        f"{block.epsg}/{east:.10g}/{north:.10g}{labels[t]}"
        for east, north, t in zip(x.tolist(), y.tolist(), at_t.tolist(), strict=True)
    ]
    return values[at_t, at_y, at_x], np.stack([lon, lat], axis=1), times[at_t], np.array(ids, dtype=object)
