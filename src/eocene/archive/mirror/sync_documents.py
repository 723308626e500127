"""Documents of a source. Over plain http, each is read until two readings agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from eocene.archive.fetch.urls import parse_url
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive.fetch import Door

_READINGS = 5
_VOLATILE = ("timeStamp", "context", "numberReturned")


class Documents:
    """Reads JSON objects of a server.

    Parameters
    ----------
    door : Door
        Which URLs may be asked.
    """

    def __init__(self, door: Door) -> None:
        self._door = door

    def read(self, url: str, method: str = "GET", body: Any = None) -> dict[str, Any]:
        """Return a JSON object.

        Over https this takes one request. Over http, where a wrong byte in a number would go unnoticed, the
        document is read until it has come twice in the same words.

        Raises
        ------
        InputError
            If the URL is not allowed.
        DamageError
            If there is no JSON object to be had, or no two readings agree.
        """
        if parse_url(url).scheme == "https":
            return _check(self._door.get_json(url, method, body), url)
        seen: list[dict[str, Any]] = []
        faults: list[DamageError] = []
        for _ in range(_READINGS):
            try:
                document = _check(self._door.get_json(url, method, body), url)
            except DamageError as error:
                faults.append(error)
                if len(faults) > 1:
                    raise
                continue
            if any(_lasting(document) == _lasting(other) for other in seen):
                return document
            seen.append(document)
        raise DamageError(
            f"{parse_url(url).name!r} answers otherwise each time.", "Use its https address, or try later."
        )


def _lasting(document: dict[str, Any]) -> dict[str, Any]:
    """Return what does not change from one reading to the next."""
    return {key: value for key, value in document.items() if key not in _VOLATILE}


def _check(document: Any, url: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise DamageError(f"{parse_url(url).name!r} answers with no STAC.", "Check the URL.")
    return document


def find_links(document: dict[str, Any], url: str, *rels: str) -> Iterator[dict[str, Any]]:
    """Yield the links of some relations, their hrefs absolute; what is no link is passed over."""
    links = document.get("links")
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") in rels and isinstance(link.get("href"), str):
            yield link | {"href": join_url(url, link["href"])}


def join_url(url: str, href: str) -> str:
    """Return an href as an absolute URL.

    Raises
    ------
    InputError
        If it is not well-formed.
    """
    try:
        return urljoin(url, href)
    except ValueError as error:
        raise InputError(
            f"{parse_url(url).name!r} has the broken link {href[:200]!r}.", "Report it there."
        ) from error
