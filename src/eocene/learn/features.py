"""The features of a land-cover or crop model, as an openEO graph: clear monthly composites and NDVI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
CLEAR = (4, 7)
"""SCL 4 to 7: vegetation, bare soil, water, unclassified. Outside: no data, saturated, dark, cloud
shadow, clouds, cirrus and snow. Source: Sentinel-2 L2A algorithm theoretical basis document."""


def make_feature_graph(
    temporal_extent: Sequence[str],
    *,
    collection: str = "sentinel-2-l2a",
    bands: Sequence[str] = BANDS,
    spatial_extent: Mapping[str, Any] | None = None,
    model: str | None = None,
) -> dict[str, Any]:
    """Return the graph of the features of a model, or of its map.

    Load the bands and SCL, keep what SCL calls clear, take the median of each month, add NDVI. Months
    without a clear view stay missing: the model has learnt what to make of that.

    Parameters
    ----------
    temporal_extent : pair of str
        Start and end, the end excluded, at the turn of months.
    collection : str
        A collection of Sentinel-2 L2A.
    bands : sequence of str
        With B04 and B08 among them.
    spatial_extent : mapping, optional
        An openEO box; None for all there is.
    model : str, optional
        Id of a registered model: the graph then ends in its classes and confidence.

    Returns
    -------
    dict
        An openEO process graph with the result (t, bands, y, x), features named like 2024-05/B04, or
        (bands, y, x) with the bands class and confidence.
    """
    unclear = {
        "scl": _node("array_element", data={"from_parameter": "data"}, index=0),
        "clear": _node("between", x={"from_node": "scl"}, min=CLEAR[0], max=CLEAR[1]),
        "unclear": _node("not", x={"from_node": "clear"}, result=True),
    }
    median = {"median": _node("median", data={"from_parameter": "data"}, result=True)}
    graph = {
        "load": _node(
            "load_collection",
            id=collection,
            spatial_extent=None if spatial_extent is None else dict(spatial_extent),
            temporal_extent=list(temporal_extent),
            bands=[*bands, "SCL"],
        ),
        "scene": _node("filter_bands", data={"from_node": "load"}, bands=["SCL"]),
        "unclear": _node(
            "reduce_dimension",
            data={"from_node": "scene"},
            dimension="bands",
            reducer={"process_graph": unclear},
        ),
        "reflectance": _node("filter_bands", data={"from_node": "load"}, bands=list(bands)),
        "masked": _node("mask", data={"from_node": "reflectance"}, mask={"from_node": "unclear"}),
        "monthly": _node(
            "aggregate_temporal_period",
            data={"from_node": "masked"},
            period="month",
            reducer={"process_graph": median},
        ),
        "features": _node("ndvi", data={"from_node": "monthly"}, nir="B08", red="B04", target_band="NDVI"),
    }
    if model is None:
        graph["features"]["result"] = True
        return graph
    graph["model"] = _node("load_ml_model", id=model)
    graph["map"] = _node(
        "ml_predict",
        data={"from_node": "features"},
        model={"from_node": "model"},
        dimensions=["t", "bands"],
        result=True,
    )
    return graph


def _node(process: str, *, result: bool = False, **arguments: Any) -> dict[str, Any]:
    node: dict[str, Any] = {"process_id": process, "arguments": arguments}
    return {**node, "result": True} if result else node
