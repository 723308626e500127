"""Items as rows of the catalogue, many at once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.catalogue.item_checks import check_item, read_cover, read_times
from eocene.archive.catalogue.places import read_places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """What the catalogue stores of n items, column by column.

    Not a tuple for each item: so many would have Python's garbage collection go through all the items that
    there are, which took a seventh of the time of taking them in.

    Attributes
    ----------
    collections, ids : list of str
        Names.
    moments, firsts, lasts : list of int
        ``datetime`` or None, and when it starts and ends, in microseconds since 1970.
    covers : list of float or None
        Cloud cover in percent.
    boxes : ndarray (n, 4)
        West, south, east, north in degrees; NaN without geometry.
    shapes : list of bytes or None
        WKB of the geometries, None where that is its own box, or where there is none.
    documents : list of str
        JSON.
    properties : list of dict
        The items' properties.
    """

    collections: list[str]
    ids: list[str]
    moments: list[int | None]
    firsts: list[int]
    lasts: list[int]
    covers: list[float | None]
    boxes: NDArray[np.float64]
    shapes: list[bytes | None]
    documents: list[str]
    properties: list[dict[str, Any]]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, numbers: Sequence[int]) -> Rows:
        """Return some of the rows."""
        columns = (getattr(self, field.name) for field in fields(self))
        return Rows(*(_take(column, numbers) for column in columns))

    def by_collection(self) -> Iterator[tuple[str, Rows]]:
        """Yield each collection's rows, by name: in one order, so that two writers never wait in a ring."""
        names = sorted(set(self.collections))
        for name in names:
            numbers = [number for number, own in enumerate(self.collections) if own == name]
            yield name, self if len(names) == 1 else self.take(numbers)

    def last_of_each(self) -> Rows:
        """Return the rows of one collection without those whose ids come again."""
        last = {name: number for number, name in enumerate(self.ids)}
        return self if len(last) == len(self) else self.take(list(last.values()))


def _take(column: Any, numbers: Sequence[int]) -> Any:
    return column[numbers] if isinstance(column, np.ndarray) else [column[number] for number in numbers]


def make_rows(items: Sequence[dict[str, Any]]) -> Rows:
    """Check STAC items and return their rows.

    Raises
    ------
    InputError
        If a field is missing or wrong; the item and the field are named.
    """
    documents = [check_item(item) for item in items]
    boxes, shapes = read_places(items)
    moments, firsts, lasts = [], [], []
    for item in items:
        moment, first, last = read_times(item)
        moments.append(moment)
        firsts.append(first)
        lasts.append(last)
    return Rows(
        [item["collection"] for item in items], [item["id"] for item in items], moments, firsts, lasts,
        [read_cover(item) for item in items], boxes, shapes, documents,
        [item["properties"] for item in items],
    )  # fmt: skip
