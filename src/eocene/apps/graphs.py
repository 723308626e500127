"""Process graphs of the applications."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eocene.learn.features import DATA, node, unclear_nodes

if TYPE_CHECKING:
    import geopandas as gpd

SENTINEL_1, SENTINEL_2 = "sentinel-1-grd", "sentinel-2-l2a"


def clear_ndvi(span: tuple[str, str]) -> dict[str, Any]:
    """Return the nodes of NDVI for each date, ``clear`` the last: what SCL calls unclear is no-data."""
    load = node("load_collection", id=SENTINEL_2, temporal_extent=list(span), bands=["B04", "B08", "SCL"])
    return {
        "load": load,
        **unclear_nodes("load"),
        "ndvi": node("ndvi", data={"from_node": "load"}, nir="B08", red="B04"),
        "clear": node("mask", data={"from_node": "ndvi"}, mask={"from_node": "unclear"}),
    }


def monthly_ndvi(span: tuple[str, str]) -> dict[str, Any]:
    """Return the graph of the monthly median of clear NDVI, (t, y, x)."""
    reducer = {"process_graph": {"median": node("median", data=DATA, result=True)}}
    return {
        **clear_ndvi(span),
        "monthly": node(
            "aggregate_temporal_period", data={"from_node": "clear"}, period="month", reducer=reducer
        ),
        "save": node("save_result", data={"from_node": "monthly"}, format="GTiff", result=True),
    }


def zonal_ndvi(span: tuple[str, str], zones: gpd.GeoDataFrame) -> dict[str, Any]:
    """Return the graph of the mean of clear NDVI in zones (column ``id``), a row for each zone and date."""
    reducer = {"process_graph": {"mean": node("mean", data=DATA, result=True)}}
    geometries = json.loads(zones.to_crs(4326)[["id", "geometry"]].to_json())
    zonal = node("aggregate_spatial", data={"from_node": "clear"}, geometries=geometries, reducer=reducer)
    return {**clear_ndvi(span), "zones": {**zonal, "result": True}}


def true_colour(span: tuple[str, str]) -> dict[str, Any]:
    """Return the graph of the red, green and blue bands of each date."""
    bands = ["B04", "B03", "B02"]
    load = node("load_collection", id=SENTINEL_2, temporal_extent=list(span), bands=bands, result=True)
    return {"load": load}


def radar_change(area: Any, before: Any, after: Any) -> dict[str, Any]:
    """Return the graph of the mean of VV after an event less the mean before it, (bands, y, x).

    Parameters
    ----------
    area, before, after
        An openEO box and two intervals of time, or references to parameters.
    """
    mean = {"process_graph": {"mean": node("mean", data=DATA, result=True)}}
    difference = node("subtract", x={"from_parameter": "x"}, y={"from_parameter": "y"}, result=True)
    graph: dict[str, Any] = {}
    for name, span in (("before", before), ("after", after)):
        graph[name] = node(
            "load_collection", id=SENTINEL_1, spatial_extent=area, temporal_extent=span, bands=["VV"]
        )
        graph[f"mean_{name}"] = node(
            "reduce_dimension", data={"from_node": name}, dimension="t", reducer=mean
        )
    graph["change"] = node(
        "merge_cubes",
        cube1={"from_node": "mean_after"},
        cube2={"from_node": "mean_before"},
        overlap_resolver={"process_graph": {"less": difference}},
        result=True,
    )
    return graph


def result_graph(job: str, band: str | None = None) -> dict[str, Any]:
    """Return the graph that loads the result of a job; one band of it without its single date."""
    load = node("load_stac", url=f"results/{job}/collection.json")
    if band is None:
        return {"load": {**load, "result": True}}
    load["arguments"]["bands"] = [band]
    return {"load": load, "one": node("drop_dimension", data={"from_node": "load"}, name="t", result=True)}
