"""Process graphs of the applications."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eocene.learn.features import CLEAR

if TYPE_CHECKING:
    import geopandas as gpd

SENTINEL_2 = "sentinel-2-l2a"
DATA = {"from_parameter": "data"}


def call(process: str, *, result: bool = False, **arguments: Any) -> dict[str, Any]:
    """Return a node that calls a process."""
    node: dict[str, Any] = {"process_id": process, "arguments": arguments}
    return {**node, "result": True} if result else node


def clear_ndvi(span: tuple[str, str]) -> dict[str, Any]:
    """Return the nodes of NDVI for each date, ``clear`` the last: what SCL calls unclear is no-data."""
    unclear = {
        "scl": call("array_element", data=DATA, index=0),
        "clear": call("between", x={"from_node": "scl"}, min=CLEAR[0], max=CLEAR[1]),
        "unclear": call("not", x={"from_node": "clear"}, result=True),
    }
    load = call("load_collection", id=SENTINEL_2, temporal_extent=list(span), bands=["B04", "B08", "SCL"])
    return {
        "load": load,
        "scl": call("filter_bands", data={"from_node": "load"}, bands=["SCL"]),
        "unclear": call(
            "reduce_dimension",
            data={"from_node": "scl"},
            dimension="bands",
            reducer={"process_graph": unclear},
        ),
        "ndvi": call("ndvi", data={"from_node": "load"}, nir="B08", red="B04"),
        "clear": call("mask", data={"from_node": "ndvi"}, mask={"from_node": "unclear"}),
    }


def monthly_ndvi(span: tuple[str, str]) -> dict[str, Any]:
    """Return the graph of the monthly median of clear NDVI, (t, y, x)."""
    reducer = {"process_graph": {"median": call("median", data=DATA, result=True)}}
    return {
        **clear_ndvi(span),
        "monthly": call(
            "aggregate_temporal_period", data={"from_node": "clear"}, period="month", reducer=reducer
        ),
        "save": call("save_result", data={"from_node": "monthly"}, format="GTiff", result=True),
    }


def zonal_ndvi(span: tuple[str, str], zones: gpd.GeoDataFrame) -> dict[str, Any]:
    """Return the graph of the mean of clear NDVI in zones (column ``id``), a row for each zone and date."""
    reducer = {"process_graph": {"mean": call("mean", data=DATA, result=True)}}
    geometries = json.loads(zones.to_crs(4326)[["id", "geometry"]].to_json())
    zonal = call("aggregate_spatial", data={"from_node": "clear"}, geometries=geometries, reducer=reducer)
    return {**clear_ndvi(span), "zones": {**zonal, "result": True}}


def true_colour(span: tuple[str, str]) -> dict[str, Any]:
    """Return the graph of the red, green and blue bands of each date."""
    bands = ["B04", "B03", "B02"]
    load = call("load_collection", id=SENTINEL_2, temporal_extent=list(span), bands=bands, result=True)
    return {"load": load}


def result_graph(job: str, band: str | None = None) -> dict[str, Any]:
    """Return the graph that loads the result of a job; one band of it without its single date."""
    load = call("load_stac", url=f"results/{job}/collection.json")
    if band is None:
        return {"load": {**load, "result": True}}
    load["arguments"]["bands"] = [band]
    return {"load": load, "one": call("drop_dimension", data={"from_node": "load"}, name="t", result=True)}
