"""Questions that are ready to be asked, each a ``.rq`` file with ``{{parameters}}``.

==========================  ==================================================================
``crops-near-water``        parcels of a crop nearer than ``distance_m`` to a water body, whose
                            first minus last observation of a property in a month is more than
                            ``drop``. First and last are the earliest and the latest valid
                            observation with start of month ≤ time < start of the next (UTC); a
                            parcel with one observation has a drop of 0.
``crops-in-area``           for each crop the number of parcels that intersect an area, their
                            total area (ha, of whole parcels) and mean confidence.
``sources-beside-water``    satellite items and model behind the classes of the parcels no
                            farther than ``distance_m`` from the largest water body.
==========================  ==================================================================
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from pyoxigraph import Literal

from eocene.link.geometry import parse_wkt
from eocene.link.rdf import BASE, WKT_LITERAL, date_time, mint
from eocene.model import InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.link.answer import Solutions
    from eocene.link.store import LinkStore

_SLOT = re.compile(r"\{\{(\w+)\}\}")
_WORLD = "POLYGON ((-180 -90, 180 -90, 180 90, -180 90, -180 -90))"


@dataclass(frozen=True)
class Question:
    """A question with its parameters and their defaults."""

    id: str
    title: str
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def render(self, *, base: str = BASE, **parameters: Any) -> str:
        """Return the SPARQL text.

        Raises
        ------
        InputError
            A parameter is unknown or of the wrong kind.
        """
        unknown = sorted(set(parameters) - set(self.defaults))
        if unknown:
            raise InputError(
                f"The question {self.id!r} has no parameter {unknown[0]!r}.",
                f"Its parameters are {', '.join(self.defaults)}.",
            )
        slots = _fill_slots({**self.defaults, **parameters}, base)
        text = files(__package__).joinpath(f"{self.id}.rq").read_text(encoding="utf-8")
        return _SLOT.sub(lambda found: slots[found[1]], text)


QUESTIONS = (
    Question(
        "crops-near-water",
        "Maize parcels within 500 m of water whose NDVI fell by more than 0.2 in June",
        {"crop": "maize", "distance_m": 500, "property": "NDVI", "drop": 0.2, "year": 2024, "month": 6},
    ),
    Question(
        "crops-in-area", "Parcels, hectares and mean confidence of each crop in an area", {"area": _WORLD}
    ),
    Question(
        "sources-beside-water",
        "Satellite items and model behind the parcels beside the largest water body",
        {"distance_m": 20},
    ),
)


def find_question(identifier: str) -> Question:
    """Return a question; raises NotFoundError naming those there are."""
    for question in QUESTIONS:
        if question.id == identifier:
            return question
    raise NotFoundError(
        f"There is no question {identifier!r}.", "There are " + ", ".join(each.id for each in QUESTIONS) + "."
    )


def ask(store: LinkStore, identifier: str, **parameters: Any) -> Solutions:
    """Ask a store one of the questions, as in ``ask(store, "crops-near-water", crop="wheat")``."""
    return store.query(find_question(identifier).render(base=store.base, **parameters))


def examples(base: str = BASE) -> list[dict[str, str]]:
    """Return the questions with their defaults, ready for a page: title and query."""
    return [{"title": question.title, "query": question.render(base=base)} for question in QUESTIONS]


def _fill_slots(parameters: Mapping[str, Any], base: str) -> dict[str, str]:
    slots = {}
    for name, value in parameters.items():
        if name == "area":
            parse_wkt(str(value))
            slots[name] = str(Literal(str(value), datatype=WKT_LITERAL))
        elif name == "property":
            slots[name] = str(mint(base, "property", value))
        elif name in ("year", "month"):
            continue
        elif isinstance(value, int | float) and math.isfinite(value):
            slots[name] = repr(value)
        elif isinstance(value, str) and name == "crop":
            slots[name] = str(Literal(value))
        else:
            raise InputError(f"The parameter {name} cannot be {value!r}.", "Give a finite number.")
    if "year" in parameters:
        slots |= _fill_month(parameters["year"], parameters["month"])
    return slots


def _fill_month(year: Any, month: Any) -> dict[str, str]:
    if not (isinstance(year, int) and isinstance(month, int) and 1 <= month <= 12 and 1 <= year < 9999):
        raise InputError(f"There is no month {month!r} of the year {year!r}.", "Give year=2024, month=6.")
    following = (year + month // 12, month % 12 + 1)
    return {
        "start": str(date_time(f"{year:04}-{month:02}-01T00:00:00")),
        "end": str(date_time(f"{following[0]:04}-{following[1]:02}-01T00:00:00")),
    }
