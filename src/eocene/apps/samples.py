"""Training samples and maps from any feature graph and any label band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.curate import Samples, sample_pixels
from eocene.model import InputError
from eocene.process import make_plan
from eocene.process.graph import load_graph

if TYPE_CHECKING:
    import xarray as xr

    from eocene.archive import Archive
    from eocene.process import Plan


def draw_samples(
    archive: Archive,
    plan: Plan,
    labels: str,
    *,
    per_class: int | None = None,
    seed: int = 0,
    name: str = "samples",
    progress: Any = None,
) -> Samples:
    """Draw labelled pixels of a feature plan.

    Parameters
    ----------
    archive : Archive
        Where the labels are.
    plan : Plan
        Of the features.
    labels : str
        ``COLLECTION:BAND`` with whole class values.
    per_class, seed, name
        As in :func:`eocene.curate.sample_pixels`.
    progress : callable, optional
        Called with (finished blocks, all blocks).
    """
    classes = read_classes(archive, labels)
    return sample_pixels(
        plan.run(progress),
        read_labels(archive, plan, labels),
        per_class=per_class,
        seed=seed,
        classes={c["value"]: c["name"] for c in classes},
        sources={
            "items": [f"{i.get('collection')}/{i['id']}" for i in plan.items],
            "graph": plan.graph.source,
            "labels": labels,
        },
        name=name,
    )


def read_labels(archive: Archive, plan: Plan, labels: str) -> xr.DataArray:
    """Return a label band (y, x) on the pixels of a plan."""
    collection, band = split_name(labels)
    grid = plan.schema.grid
    arguments = {"id": collection, "bands": [band]}
    graph = {"labels": {"process_id": "load_collection", "arguments": arguments, "result": True}}
    cube = make_plan(graph, archive, lattice=grid.lattice).read(grid)
    if cube.sizes["t"] != 1:
        raise InputError(
            f"The labels {labels} have {cube.sizes['t']} dates.", "Name a collection with one date."
        )
    return cube.isel(t=0, bands=0)


def read_classes(archive: Archive, labels: str) -> list[dict[str, Any]]:
    """Return the classes that the collection states for a label band: value, name, color_hint."""
    collection, band = split_name(labels)
    assets = archive.catalogue.collection(collection).get("item_assets", {})
    classes: list[dict[str, Any]] = assets.get(band, {}).get("classification:classes", [])
    return classes


def split_name(labels: str) -> tuple[str, str]:
    """Split ``COLLECTION:BAND``."""
    collection, sign, band = labels.partition(":")
    if not (collection and sign and band):
        raise InputError(f"The labels {labels!r} name no band.", "Write COLLECTION:BAND.")
    return collection, band


def predict_graph(graph: Any, model: str) -> dict[str, Any]:
    """Return a feature graph followed by the prediction of a registered model."""
    flat = {key: dict(node) for key, node in load_graph(graph).items()}
    result = next((key for key, node in flat.items() if node.pop("result", False)), None)
    if result is None:
        raise InputError("The graph has no result node.", 'Mark one with "result": true.')
    flat["eocene_model"] = {"process_id": "load_ml_model", "arguments": {"id": model}}
    flat["eocene_map"] = {
        "process_id": "ml_predict",
        "arguments": {
            "data": {"from_node": result},
            "model": {"from_node": "eocene_model"},
            "dimensions": ["t", "bands"],
        },
        "result": True,
    }
    return flat
