"""What differs between one study area and another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive import Search
from eocene.curate import Draw
from eocene.learn import ModelSpec
from eocene.model import InputError

if TYPE_CHECKING:
    from eocene.archive import Archive


@dataclass(frozen=True)
class Study:
    """What differs between one area and another.

    Parameters
    ----------
    months : pair of str
        Start and end (excluded) of the season, at the turn of months.
    labels : str
        ``COLLECTION:BAND`` that holds the classes.
    block_size_m, buffer_m : float
        Edge of the blocks that are left out in the honest score, and how far training pixels keep away
        from them in the strictest one.
    draw : Draw
        How the labelled pixels are drawn.
    observed : pair of str
        Start and end (excluded) of the NDVI observations of each parcel.
    parcels : str
        ``table:NAME`` for a table of the archive, ``trace:COLLECTION:BAND`` to trace them from labels.
    water : str
        Name of the class whose patches become water bodies; empty if there is none.
    question, asked : str, dict
        Which of the ready questions is asked, and its parameters.
    """

    months: tuple[str, str]
    labels: str
    block_size_m: float
    buffer_m: float
    draw: Draw
    observed: tuple[str, str]
    parcels: str
    water: str
    question: str
    asked: dict[str, Any]
    spec: ModelSpec = field(default_factory=ModelSpec)


SIMULATED = Study(
    months=("2024-03-01", "2024-11-01"),
    labels="reference:classes",
    block_size_m=640.0,
    buffer_m=80.0,
    draw=Draw(per_stratum=500, share=0.4),
    observed=("2024-05-01", "2024-08-01"),
    parcels="table:parcels",
    water="water",
    question="crops-near-water",
    asked={"crop": "maize", "distance_m": 500, "drop": 0.2, "year": 2024, "month": 6},
    spec=ModelSpec(settings={"n_estimators": 50}),
)


def plan_study(archive: Archive) -> Study:
    """Return the study that fits what the archive holds.

    Raises
    ------
    InputError
        If there is no Sentinel-2 collection or no reference to learn from.
    """
    collections = {c["id"]: c for c in archive.catalogue.collections()}
    for needed in ("sentinel-2-l2a", "reference"):
        if needed not in collections:
            raise InputError(
                f"The land-cover application needs the collection {needed!r}.",
                f"Ingest it; the archive holds {', '.join(collections) or 'nothing'}.",
                code="CollectionNotFound",
            )
    if "parcels" in collections:
        return SIMULATED
    items = archive.catalogue.search(Search(("sentinel-2-l2a",)))
    months = sorted(i["properties"]["datetime"][:7] for i in items)
    span = (f"{months[0]}-01", f"{np.datetime64(months[-1]) + 1}-01")
    return Study(
        months=span,
        labels="reference:LC",
        block_size_m=160.0,
        buffer_m=40.0,
        draw=Draw(),
        observed=span,
        parcels="trace:reference:CT",
        water="",
        question="crops-in-area",
        asked={},
        spec=ModelSpec(settings={"n_estimators": 100}),
    )
