"""A collection as a lazy cube."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.model import TimeSpan
from eocene.workspace.asking import as_bbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

    from eocene.archive import Archive
    from eocene.model import BBox, Lattice


def load_graph(
    collection: str,
    bands: Sequence[str] | None,
    bbox: BBox | Sequence[float] | None,
    datetime: str | None,
) -> dict[str, Any]:
    """Return the process graph that loads a part of a collection."""
    span = TimeSpan.from_stac(datetime)
    arguments: dict[str, Any] = {
        "id": collection,
        "bands": list(bands) if bands else None,
        "temporal_extent": None if datetime is None else [f"{span.start}Z", f"{span.end}Z"],
    }
    if bbox is not None:
        west, south, east, north = as_bbox(bbox)
        arguments["spatial_extent"] = {"west": west, "south": south, "east": east, "north": north}
    return {"load": {"process_id": "load_collection", "arguments": arguments, "result": True}}


def load_cube(
    archive: Archive, graph: dict[str, Any], lattice: Lattice | None, on_error: str
) -> xr.DataArray:
    """Return the cube that a graph loads as a lazy DataArray (t, bands, y, x)."""
    from eocene.cube.lazy import make_lazy
    from eocene.process import make_plan
    from eocene.process.loads.faults import skipped_of

    plan = make_plan(graph, archive, lattice=lattice, on_error=on_error)
    collection = graph["load"]["arguments"]["id"]
    cube = make_lazy(plan.schema.probe, plan.grid, plan.compute, collection, block=plan.block_size)
    if on_error == "skip":
        cube.attrs["skipped"] = skipped_of(plan.nodes)
    return cube
