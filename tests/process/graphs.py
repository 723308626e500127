"""Graphs that several tests run."""

from __future__ import annotations

from typing import Any

DATA = {"from_parameter": "data"}


def call(process: str, /, *, result: bool = False, **arguments: Any) -> dict[str, Any]:
    node: dict[str, Any] = {"process_id": process, "arguments": arguments}
    return {**node, "result": True} if result else node


def callback(process: str, /, **arguments: Any) -> dict[str, Any]:
    return {"process_graph": {"only": call(process, data=DATA, result=True, **arguments)}}


def load(**changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "id": "sentinel-2-l2a",
        "spatial_extent": None,
        "temporal_extent": ["2024-03-01", "2024-11-01"],
        "bands": ["B04", "B08", "SCL"],
    }
    return call("load_collection", **{**arguments, **changes})


def masked_ndvi(**changes: Any) -> dict[str, Any]:
    """NDVI with cloud shadow (3) and everything from 8 upwards masked, in the node ``clear``."""
    unclear = {
        "scl": call("array_element", data=DATA, index=0),
        "shadow": call("eq", x={"from_node": "scl"}, y=3),
        "cloud": call("gte", x={"from_node": "scl"}, y=8),
        "either": call("or", x={"from_node": "shadow"}, y={"from_node": "cloud"}, result=True),
    }
    return {
        "load": load(**changes),
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


def monthly_ndvi(**changes: Any) -> dict[str, Any]:
    return {
        **masked_ndvi(**changes),
        "monthly": call(
            "aggregate_temporal_period",
            data={"from_node": "clear"},
            period="month",
            reducer=callback("median"),
            result=True,
        ),
    }
