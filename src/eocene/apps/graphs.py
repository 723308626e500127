"""Process graphs of the applications."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import geopandas as gpd


def call(process: str, *, result: bool = False, **arguments: Any) -> dict[str, Any]:
    """Return a node that calls a process."""
    node: dict[str, Any] = {"process_id": process, "arguments": arguments}
    return {**node, "result": True} if result else node


def ndvi_graph(
    months: tuple[str, str], *, monthly: bool, zones: gpd.GeoDataFrame | None = None
) -> dict[str, Any]:
    """Return the graph of clear NDVI: its monthly median, or its mean in zones for each date."""
    data = {"from_parameter": "data"}
    unclear = {
        "scl": call("array_element", data=data, index=0),
        "clear": call("between", x={"from_node": "scl"}, min=4, max=7),
        "unclear": call("not", x={"from_node": "clear"}, result=True),
    }
    graph = {
        "load": call(
            "load_collection", id="sentinel-2-l2a", spatial_extent=None, temporal_extent=list(months),
            bands=["B04", "B08", "SCL"],
        ),
        "scl": call("filter_bands", data={"from_node": "load"}, bands=["SCL"]),
        "unclear": call(
            "reduce_dimension", data={"from_node": "scl"}, dimension="bands", reducer={"process_graph": unclear}
        ),
        "ndvi": call("ndvi", data={"from_node": "load"}, nir="B08", red="B04"),
        "clear": call("mask", data={"from_node": "ndvi"}, mask={"from_node": "unclear"}),
    }  # fmt: skip
    if monthly:
        reducer = {"process_graph": {"median": call("median", data=data, result=True)}}
        graph["monthly"] = call(
            "aggregate_temporal_period", data={"from_node": "clear"}, period="month", reducer=reducer
        )
        graph["save"] = call("save_result", data={"from_node": "monthly"}, format="GTiff", result=True)
    if zones is not None:
        reducer = {"process_graph": {"mean": call("mean", data=data, result=True)}}
        geometries = json.loads(zones.to_crs(4326)[["id", "geometry"]].to_json())
        graph["zones"] = call(
            "aggregate_spatial",
            data={"from_node": "clear"},
            geometries=geometries,
            reducer=reducer,
            result=True,
        )
    return graph


def true_colour_graph(months: tuple[str, str]) -> dict[str, Any]:
    """Return the graph of the red, green and blue bands of each date."""
    return {
        "load": call(
            "load_collection", id="sentinel-2-l2a", spatial_extent=None, temporal_extent=list(months),
            bands=["B04", "B03", "B02"], result=True,
        )
    }  # fmt: skip


def result_graph(job: str, band: str | None = None) -> dict[str, Any]:
    """Return the graph that loads the result of a job; one band of it without its single date."""
    load = call("load_stac", url=f"results/{job}/collection.json")
    if band is None:
        return {"load": {**load, "result": True}}
    load["arguments"]["bands"] = [band]
    return {"load": load, "one": call("drop_dimension", data={"from_node": "load"}, name="t", result=True)}
