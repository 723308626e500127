"""The graphs that are measured, as both engines take them."""

from __future__ import annotations

from typing import Any

Graph = dict[str, Any]


def node(process_id: str, /, *, result: bool = False, **arguments: Any) -> Graph:
    """Return a node of a graph."""
    return {"process_id": process_id, "arguments": arguments} | ({"result": True} if result else {})


def of(name: str) -> Graph:
    return {"from_node": name}


DATA, X = {"from_parameter": "data"}, {"from_parameter": "x"}


def reducer(process: str) -> Graph:
    return {"process_graph": {"r": node(process, data=DATA, result=True)}}


def load(sensor: str) -> Graph:
    return node("load_collection", id=sensor, spatial_extent=None, temporal_extent=None)


def masked_ndvi() -> Graph:
    """NDVI without what SCL calls shadow (3) or cloud and snow (above 7)."""
    cloud = {
        "e": node("array_element", data=DATA, index=0),
        "a": node("eq", x=of("e"), y=3),
        "b": node("gt", x=of("e"), y=7),
        "o": node("or", x=of("a"), y=of("b"), result=True),
    }
    index = {
        "n": node("array_element", data=DATA, index=3),
        "r": node("array_element", data=DATA, index=2),
        "nd": node("normalized_difference", x=of("n"), y=of("r"), result=True),
    }
    return {
        "load": load("s2"),
        "scl": node("filter_bands", data=of("load"), bands=["SCL"]),
        "cloud": node(
            "reduce_dimension", data=of("scl"), dimension="bands", reducer={"process_graph": cloud}
        ),
        "ndvi": node(
            "reduce_dimension", data=of("load"), dimension="bands", reducer={"process_graph": index}
        ),
        "mask": node("mask", data=of("ndvi"), mask=of("cloud")),
    }


def monthly(data: str, process: str) -> Graph:
    return node("aggregate_temporal_period", data=of(data), period="month", reducer=reducer(process))


def save(data: str) -> Graph:
    return {"save": node("save_result", data=of(data), format="GTiff", result=True)}


def ndvi() -> Graph:
    """Monthly median of the masked NDVI."""
    return masked_ndvi() | {"agg": monthly("mask", "median")} | save("agg")


def gaps() -> Graph:
    """Gaps of the masked NDVI filled along time, then the mean of the series."""
    fill = {"process_graph": {"f": node("array_interpolate_linear", data=DATA, result=True)}}
    return (
        masked_ndvi()
        | {
            "filled": node("apply_dimension", data=of("mask"), dimension="t", process=fill),
            "mean": node("reduce_dimension", data=of("filled"), dimension="t", reducer=reducer("mean")),
        }
        | save("mean")
    )


def kernel() -> Graph:
    """A 5 × 5 smoothing of two bands, then their mean over time."""
    weights = [[a * b / 256 for b in (1, 4, 6, 4, 1)] for a in (1, 4, 6, 4, 1)]
    return {
        "load": load("s2"),
        "two": node("filter_bands", data=of("load"), bands=["B04", "B08"]),
        "smooth": node("apply_kernel", data=of("two"), kernel=weights),
        "mean": node("reduce_dimension", data=of("smooth"), dimension="t", reducer=reducer("mean")),
    } | save("mean")


def merge() -> Graph:
    """Monthly medians of radar and optical bands in one cube, then the mean of its months."""
    return {
        "s2": load("s2"),
        "two": node("filter_bands", data=of("s2"), bands=["B04", "B08"]),
        "optical": monthly("two", "median"),
        "s1": load("s1"),
        "radar": monthly("s1", "median"),
        "both": node("merge_cubes", cube1=of("optical"), cube2=of("radar")),
        "mean": node("reduce_dimension", data=of("both"), dimension="t", reducer=reducer("mean")),
    } | save("mean")


GRAPHS = {"ndvi": ndvi, "gaps": gaps, "kernel": kernel, "merge": merge}

SIZES = dict.fromkeys(GRAPHS, 2048) | {"gaps": 1024}
"""Edge of the area in pixels: the peer refuses to fill gaps among more than 50 million values."""
