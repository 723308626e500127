"""Training samples from any feature graph and the labels of an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.curate import Draw, FeatureLabels, RasterLabels, Recipe, build_dataset
from eocene.curate.card import LICENCE as OTHER
from eocene.curate.dataset import FEATURES, Dataset
from eocene.curate.faults import Resolution, find_proofs, resolve_stored
from eocene.model import InputError
from eocene.process import make_plan

if TYPE_CHECKING:
    from eocene.archive import Archive
    from eocene.curate.sampling import Labels
    from eocene.process import Plan


def draw_samples(  # noqa: PLR0913 (what a data set is made of)
    archive: Archive,
    plan: Plan,
    labels: str,
    draw: Draw,
    *,
    name: str = "samples",
    time: str | None = None,
    pixel_labels: bool = False,
    progress: Any = None,
) -> Dataset:
    """Draw labelled samples of a feature plan and store them among the data sets of the archive.

    Parameters
    ----------
    archive : Archive
        Where the labels are.
    plan : Plan
        Of the features.
    labels : str
        ``COLLECTION:BAND`` with whole class values, or ``table:COLLECTION:COLUMN``.
    draw : Draw
        What a sample is, how many, and from where.
    name : str
        The readable part of the id.
    time : str, optional
        The column of a table that tells when each label was seen.
    pixel_labels : bool
        Whether the class values of the pixels of chips are kept, too.
    progress : callable, optional
        Called with (finished windows, all windows).
    """
    told = open_labels(archive, plan, labels, time)
    recipe = Recipe(
        {FEATURES: plan}, told, draw, name, read_licence(archive, plan), pixel_labels=pixel_labels
    )
    return build_dataset(archive.layout.datasets, recipe, progress=progress)


def drop_copies(archive: Archive, dataset: Dataset) -> Dataset:
    """Return a data set of which no two samples are equal: where tiles of two zones meet, some are.

    There two pixels of the one grid may show the same pixel of the other. The version without is stored and
    tells what was dropped; a data set without copies is returned as it is.
    """
    report = find_proofs(dataset)
    copies = report.rows("duplicates", severity="fault")
    if not copies:
        return dataset
    reason = "Where tiles of two zones meet, pixels beside each other may show one and the same."
    drop = Resolution("duplicates", "drop", reason, tuple(copies))
    return resolve_stored(dataset, report, [drop], archive.layout.datasets)


def open_labels(archive: Archive, plan: Plan, labels: str, time: str | None = None) -> Labels:
    """Return the labels of a text: ``COLLECTION:BAND``, or ``table:COLLECTION:COLUMN`` of points or polygons.

    Raises
    ------
    InputError
        If they cannot be found, or the table has no geometries.
    """
    kind, _, rest = labels.partition(":")
    if kind != "table":
        if time is not None:
            raise InputError(f"The band {labels} has no column {time!r}.", "Name a table, or leave it out.")
        classes = {c["value"]: c["name"] for c in read_classes(archive, labels)}
        return RasterLabels(plan_labels(archive, plan, labels), labels, classes)
    name, column = split_name(rest)
    table = archive.table(name)
    if not hasattr(table, "geometry"):
        raise InputError(f"The table {name!r} has no geometries.", "Name one of points or polygons.")
    return FeatureLabels.of(table, column, plan.grid.epsg, name, time)


def read_licence(archive: Archive, plan: Plan) -> str:
    """Return the licence of what a plan reads; "other" where collections differ or tell none."""
    names = {item.get("collection") for item in plan.items}
    told = {str(archive.catalogue.collection(name).get("license", OTHER)) for name in names if name}
    return told.pop() if len(told) == 1 else OTHER


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
