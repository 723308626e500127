"""Lists in pages: without a limit all of it, else a page and a link to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Query

from eocene.jobs.job import LEVELS
from eocene.serve.rooms import link

if TYPE_CHECKING:
    from collections.abc import Sequence

Limit = Annotated[int | None, Query(ge=1, le=10_000)]
Level = Annotated[
    str, Query(json_schema_extra={"enum": list(LEVELS)}, description="The least that is shown.")
]
Mark = Annotated[
    str | None,
    Query(json_schema_extra={"pattern": "^[0-9]{0,18}$"}, description="The last line that is known."),
]
Offset = Annotated[int, Query(ge=0, le=2**62)]
T = TypeVar("T")


def cut_page(
    found: Sequence[T], home: str, limit: int | None, offset: int
) -> tuple[list[T], list[dict[str, Any]]]:
    """Return a page of a whole list, and its links: self, and next if there is more."""
    if limit is None:
        return list(found[offset:]), [link("self", home)]
    return list(found[offset : offset + limit]), link_page(home, limit, offset, len(found) > offset + limit)


def link_page(home: str, limit: int, offset: int, more: bool) -> list[dict[str, Any]]:
    """Return the links of a page: self, and next if there is more."""
    links = [link("self", home)]
    return [*links, link("next", f"{home}?limit={limit}&offset={offset + limit}")] if more else links
