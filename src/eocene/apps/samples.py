"""Training samples and maps from any feature graph and any label band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate import Samples, sample_chips
from eocene.model import InputError
from eocene.process import make_plan
from eocene.process.executors import map_blocks

if TYPE_CHECKING:
    import xarray as xr

    from eocene.archive import Archive
    from eocene.model import Grid
    from eocene.process import Plan


@dataclass(frozen=True)
class Draw:
    """How samples are drawn.

    Parameters
    ----------
    per_class : int or None
        At most so many pixels of each class; all if None.
    share : float
        Part of the area that is read, in whole blocks of the plan drawn at random; the rest of a map is
        then ground that the model has never seen.
    seed : int
        Decides which.
    """

    per_class: int | None = None
    share: float = 1.0
    seed: int = 0


def draw_samples(
    archive: Archive,
    plan: Plan,
    labels: str,
    draw: Draw,
    *,
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
    draw : Draw
        How many, and from where.
    name : str
        The readable part of the id.
    progress : callable, optional
        Called with (finished chips, all chips).
    """
    classes = read_classes(archive, labels)
    label_plan = plan_labels(archive, plan, labels)
    chips = choose_chips(plan, draw)

    def read(chip: Grid) -> tuple[xr.DataArray, xr.DataArray]:
        return plan.read(chip), label_plan.read(chip).isel(t=0, bands=0)

    return sample_chips(
        map_blocks(read, chips, progress),
        per_class=draw.per_class,
        seed=draw.seed,
        classes={c["value"]: c["name"] for c in classes},
        sources={
            "items": [f"{i.get('collection')}/{i['id']}" for i in plan.items],
            "graph": plan.graph.source,
            "labels": labels,
        },
        name=name,
    )


def choose_chips(plan: Plan, draw: Draw) -> list[Grid]:
    """Return a random part of the blocks of a plan, in reading order; at least one."""
    chips = list(plan.blocks())
    count = max(1, round(draw.share * len(chips)))
    chosen = np.random.default_rng(draw.seed).choice(len(chips), size=count, replace=False)
    return [chips[number] for number in sorted(chosen)]


def plan_labels(archive: Archive, plan: Plan, labels: str) -> Plan:
    """Return the plan of a label band on the pixels of another plan."""
    collection, band = split_name(labels)
    arguments = {"id": collection, "bands": [band]}
    graph = {"labels": {"process_id": "load_collection", "arguments": arguments, "result": True}}
    found = make_plan(graph, archive, lattice=plan.grid.lattice)
    if len(found.schema.times) != 1:
        raise InputError(
            f"The labels {labels} have {len(found.schema.times)} dates.", "Name a collection with one date."
        )
    return found


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
