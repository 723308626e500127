"""Search for collections by words, area and time; there are few, so that each is looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.catalogue.search import check_bbox
from eocene.archive.tree import split_antimeridian
from eocene.model.timespan import TimeSpan, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eocene.model.grid import BBox


@dataclass(frozen=True)
class CollectionSearch:
    """Which collections are wanted; empty means any.

    Parameters
    ----------
    q : tuple of str
        Words or phrases, one of which stands in id, title, description or keywords, in any case.
    bbox : tuple of float, optional
        West, south, east, north in degrees; west > east crosses the antimeridian.
    span : TimeSpan
        Collections whose interval meets it.
    limit : int, optional
        How many at most.
    offset : int
        How many to skip.
    """

    q: tuple[str, ...] = ()
    bbox: BBox | None = None
    span: TimeSpan = field(default_factory=TimeSpan)
    limit: int | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        if self.bbox is not None:
            check_bbox(self.bbox)


def find_collections(collections: Iterable[dict[str, Any]], query: CollectionSearch) -> list[dict[str, Any]]:
    """Return the collections that match, in their order; what they do not say holds for everything."""
    found = [
        collection
        for collection in collections
        if _says(collection, query.q) and _meets(collection, query.bbox) and _lasts(collection, query.span)
    ]
    end = None if query.limit is None else query.offset + query.limit
    return found[query.offset : end]


def _says(collection: dict[str, Any], words: tuple[str, ...]) -> bool:
    texts = [collection.get(name) for name in ("id", "title", "description")]
    texts.extend(collection.get("keywords") or ())
    text = "\n".join(text for text in texts if isinstance(text, str)).casefold()
    return not words or any(word.casefold() in text for word in words)


def _meets(collection: dict[str, Any], bbox: BBox | None) -> bool:
    if bbox is None:
        return True
    boxes = collection.get("extent", {}).get("spatial", {}).get("bbox") or [[-180, -90, 180, 90]]
    wanted = split_antimeridian(bbox)
    # The first of several is the whole, the others say where in it.
    return any(
        west <= e and east >= w and south <= n and north >= s
        for given in (boxes[1:] or boxes)
        for west, south, east, north in split_antimeridian(_flat(given))
        for w, s, e, n in wanted
    )


def _flat(box: Sequence[float]) -> BBox:
    half = len(box) // 2
    return box[0], box[1], box[half], box[half + 1]


def _lasts(collection: dict[str, Any], span: TimeSpan) -> bool:
    intervals = collection.get("extent", {}).get("temporal", {}).get("interval") or [[None, None]]
    wanted = span.start.astype("datetime64[us]"), span.end.astype("datetime64[us]")
    return any(
        (first is None or _instant(first) < wanted[1]) and (last is None or _instant(last) >= wanted[0])
        for first, last in (intervals[1:] or intervals)
    )


def _instant(text: str) -> np.datetime64:
    moment: np.datetime64 = parse_instant(text).astype("datetime64[us]")
    return moment
