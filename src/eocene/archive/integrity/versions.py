"""Older versions of items stay: a file that came again in another state never takes the place of the first.

The item as it was goes to the collection ``NAME.versions``, deprecated, its files where they were. Links lead
from the new one to it and back.

Source: STAC version extension 1.2.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.archive.catalogue.search import Search
from eocene.archive.definition import complete_collection
from eocene.archive.fetch import is_remote
from eocene.archive.integrity.checksums import CHECKSUM, TREE
from eocene.archive.product import make_collection
from eocene.model.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eocene.archive.catalogue.interface import Catalogue

SUFFIX = ".versions"
PREDECESSOR, LATEST = "predecessor-version", "latest-version"
_EXTENSION = "https://stac-extensions.github.io/version/v1.2.0/schema.json"
_NUMBER = re.compile(r"\.v(\d+)$")
_LINKS = (PREDECESSOR, "successor-version", LATEST)
_GEOJSON = "application/geo+json"
_AT_ONCE = 500


def keep_versions(
    catalogue: Catalogue, items: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return items with their links to what they replace, and what is put beside them.

    Parameters
    ----------
    catalogue : Catalogue
        Has the items that would be replaced.
    items : sequence of dict
        Each once.

    Returns
    -------
    tuple
        The items and, in the same list, the older versions of those whose files are others now; and the
        collections of these versions. All of it belongs into one transaction.
    """
    kept: list[dict[str, Any]] = []
    older: list[dict[str, Any]] = []
    for start in range(0, len(items), _AT_ONCE):
        batch = items[start : start + _AT_ONCE]
        known = _find_known(catalogue, batch)
        for item in batch:
            new, old = succeed(known.get((item["collection"], item["id"])), item)
            kept.append(new)
            older.extend(old)
    return [*kept, *older], _make_collections(catalogue, older)


def _find_known(
    catalogue: Catalogue, items: Sequence[dict[str, Any]]
) -> dict[tuple[str, str], dict[str, Any]]:
    query = Search(
        collections=tuple(dict.fromkeys(item["collection"] for item in items)),
        ids=tuple(dict.fromkeys(item["id"] for item in items)),
    )
    return {(item["collection"], item["id"]): item for item in catalogue.search(query)}


def succeed(old: dict[str, Any] | None, new: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return an item as it follows another, and the other as an older version if its files are others."""
    if old is None:
        return new, []
    past = find_predecessor(old)
    if not _has_other_files(old, new):
        links = [link for link in old["links"] if link.get("rel") == PREDECESSOR]
        return _link(new, links, past + 1) if past else new, []
    number = past + 1
    home, name = new["collection"] + SUFFIX, f"{new['id']}.v{number}"
    newest = _make_link(LATEST, new["collection"], new["id"])
    before = [_make_link(PREDECESSOR, home, f"{new['id']}.v{past}")] if past else []
    kept = _link(old, [*before, newest], number)
    kept |= {"id": name, "collection": home, "properties": {**kept["properties"], "deprecated": True}}
    return _link(new, [_make_link(PREDECESSOR, home, name)], number + 1), [kept]


def find_predecessor(item: Mapping[str, Any]) -> int:
    """Return the number of the version before an item; 0 if there is none."""
    for link in item.get("links") or ():
        if link.get("rel") == PREDECESSOR and (found := _NUMBER.search(str(link.get("href")))):
            return int(found[1])
    return 0


def list_versions(catalogue: Catalogue, collection: str, name: str) -> list[dict[str, Any]]:
    """Return all versions of an item, the newest first.

    Raises
    ------
    NotFoundError
        If there is no such item.
    """
    newest = catalogue.item(collection, name)
    numbers = range(find_predecessor(newest), 0, -1)
    found = [_find(catalogue, collection + SUFFIX, f"{name}.v{number}") for number in numbers]
    return [newest, *(item for item in found if item is not None)]


def _has_other_files(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Tell whether an asset lies elsewhere now in another state, and its former file is still there."""
    for name, asset in old["assets"].items():
        other = new["assets"].get(name)
        href = asset.get("href", "")
        if other is None or other.get("href") == href or is_remote(href):
            continue
        states = [(a.get(CHECKSUM), a.get(TREE)) for a in (asset, other)]
        if states[0] != states[1] and any(states[0]) and Path(href).exists():
            return True
    return False


def _link(item: dict[str, Any], links: list[dict[str, Any]], number: int) -> dict[str, Any]:
    others = [link for link in item.get("links") or [] if link.get("rel") not in _LINKS]
    extensions = dict.fromkeys([*item.get("stac_extensions", []), _EXTENSION])
    properties = {"version": str(number), **item["properties"]}
    return item | {"links": [*others, *links], "stac_extensions": list(extensions), "properties": properties}


def _make_link(rel: str, collection: str, name: str) -> dict[str, Any]:
    href = f"/stac/collections/{collection}/items/{name}"  # the server puts its address before it
    return {"rel": rel, "href": href, "type": _GEOJSON}


def _make_collections(catalogue: Catalogue, older: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    homes: dict[str, list[dict[str, Any]]] = {}
    for item in older:
        homes.setdefault(item["collection"], []).append(item)
    made = []
    for home, items in homes.items():
        of = home.removesuffix(SUFFIX)
        drawn = make_collection(home, f"Older versions of {of}", f"What items of {of} were before.")
        known = catalogue.collection(of)
        drawn["license"] = known.get("license", "other")
        made.append(complete_collection(drawn, _find_collection(catalogue, home), items))
    return made


def _find_collection(catalogue: Catalogue, name: str) -> dict[str, Any] | None:
    try:
        return catalogue.collection(name)
    except NotFoundError:
        return None


def _find(catalogue: Catalogue, collection: str, name: str) -> dict[str, Any] | None:
    try:
        return catalogue.item(collection, name)
    except NotFoundError:
        return None
