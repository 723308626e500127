"""The features of a land-cover or crop model, as an openEO graph: clear monthly composites and NDVI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
DATA = {"from_parameter": "data"}
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
    load = node(
        "load_collection",
        id=collection,
        spatial_extent=None if spatial_extent is None else dict(spatial_extent),
        temporal_extent=list(temporal_extent),
        bands=[*bands, "SCL"],
    )
    median = {"median": node("median", data=DATA, result=True)}
    graph = {
        "load": load,
        **unclear_nodes("load"),
        "reflectance": node("filter_bands", data={"from_node": "load"}, bands=list(bands)),
        "masked": node("mask", data={"from_node": "reflectance"}, mask={"from_node": "unclear"}),
        "monthly": node(
            "aggregate_temporal_period",
            data={"from_node": "masked"},
            period="month",
            reducer={"process_graph": median},
        ),
        "features": node("ndvi", data={"from_node": "monthly"}, nir="B08", red="B04", target_band="NDVI"),
    }
    graph["features"]["result"] = True
    return graph if model is None else add_prediction(graph, model)


def add_prediction(features: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Return a flat feature graph followed by the classes and the confidence of a registered model.

    Raises
    ------
    InputError
        If the graph has no result.
    """
    loader = node("load_ml_model", id=model)
    return follow_by_model(features, loader, "ml_predict", ("model", "map"), dimensions=["t", "bands"])


def follow_by_model(
    features: Mapping[str, Any],
    loader: dict[str, Any],
    process: str,
    names: tuple[str, str],
    **arguments: Any,
) -> dict[str, Any]:
    """Return a flat feature graph followed by a node that loads a model and one that applies it.

    Parameters
    ----------
    features : mapping
        The graph.
    loader : dict
        The node that loads the model.
    process : str
        What applies it to ``data``.
    names : pair of str
        Of the two nodes, if the graph has none of these names.
    **arguments
        Further ones of the process.

    Raises
    ------
    InputError
        If the graph has no result.
    """
    graph = {key: dict(entry) for key, entry in features.items()}
    result = next((key for key, entry in graph.items() if entry.pop("result", False)), None)
    if result is None:
        raise InputError("The graph has no result node.", 'Mark one with "result": true.')
    loaded, made = (name if name not in graph else f"{result}_{name}" for name in names)
    graph[loaded] = loader
    sources = {"data": {"from_node": result}, "model": {"from_node": loaded}}
    graph[made] = node(process, **sources, **arguments, result=True)
    return graph


def unclear_nodes(source: str) -> dict[str, Any]:
    """Return the nodes that make the mask ``unclear`` of a Sentinel-2 cube from its band SCL."""
    callback = {
        "scl": node("array_element", data=DATA, index=0),
        "clear": node("between", x={"from_node": "scl"}, min=CLEAR[0], max=CLEAR[1]),
        "unclear": node("not", x={"from_node": "clear"}, result=True),
    }
    return {
        "scene": node("filter_bands", data={"from_node": source}, bands=["SCL"]),
        "unclear": node(
            "reduce_dimension",
            data={"from_node": "scene"},
            dimension="bands",
            reducer={"process_graph": callback},
        ),
    }


def node(process: str, *, result: bool = False, **arguments: Any) -> dict[str, Any]:
    """Return a node that calls a process."""
    made: dict[str, Any] = {"process_id": process, "arguments": arguments}
    return {**made, "result": True} if result else made
