"""Static STAC: an Item, or the items under a Collection or Catalog, here or on another back-end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import is_remote
from eocene.archive.fetch.urls import parse_url
from eocene.archive.mirror.sync_documents import Documents, find_links, join_url
from eocene.archive.store.published import read_document
from eocene.model import Band, DamageError, EoceneError, InputError, UnavailableError
from eocene.process.strict_json import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from eocene.archive import Archive
    from eocene.archive.fetch import Door
    from eocene.archive.store.published import Published

    Item = dict[str, Any]

_RESULTS = re.compile(
    r"https?://[^\s?#]+(?:/jobs/(?P<api>[\w\-]+)/results/?|/results/(?P<signed>[\w\-]+)/collection\.json)"
    r"(?:\?[^\s#]*)?"
)
"""Both addresses of the results of a job: that of the API, and the signed one, which clients prefer."""
_INNER = re.compile(r"results/([\w\-]+)/([\w\-.]+\.json)")
COLLECTION = "collection.json"
_MOST, _MOST_REMOTE = 100_000, 10_000


def find_file(archive: Archive, url: str) -> Path:
    """Return the file of the workspace, or of an ingested folder, that a user names.

    Raises
    ------
    InputError
        FileNotFound, if there is none; ProcessParameterInvalid, if it lies on another machine; another if it
        must not be opened.
    """
    try:
        return _resolve(archive.door(), url, archive.layout.root)
    except DamageError as error:
        raise InputError(
            f"There is no file {url[:200]!r}.", "Give a path inside the workspace.", code="FileNotFound"
        ) from error


def read_static_items(archive: Archive, url: str) -> list[Item]:
    """Return the items of a STAC document, those under its children included, hrefs made absolute.

    Parameters
    ----------
    archive : Archive
        Whose door lets files of the workspace and of ingested folders through, and what may be read afar.
    url : str
        A path, relative to the workspace; or the address of the results of a job, here or elsewhere, or of
        other static STAC.

    Raises
    ------
    InputError
        If a file is outside, or not STAC; ProcessParameterInvalid, if it lies on another machine that may not
        be asked.
    DamageError
        If a file that another one links to is missing.
    """
    door, url = archive.door(), _name_own(archive, url)
    stored = _find_stored(archive, url)
    try:
        if stored is not None:
            return _read_stored(*stored)
        if is_remote(url):
            return [_with_urls(item, base) for item, base in _walk_afar(door, _locate(door, url))]
        return [_with_paths(item, place) for item, place in _walk(door, find_file(archive, url))]
    except EoceneError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_stac(url, str(error)) from error


def _locate(door: Door, url: str) -> str:
    """Return a URL that may be read; that another was asked for is the fault of the graph."""
    try:
        return door.locate(url)
    except UnavailableError as error:
        raise InputError(
            f"The address {parse_url(url).name!r} may not be read from here: it lies below none of the "
            "prefixes that the operator allows.",
            "Let the operator add its prefix to EOCENE_REMOTE, or give STAC that lies in the workspace.",
            code="ProcessParameterInvalid",
        ) from error


def _resolve(door: Door, href: str, base: Path) -> Path:
    try:
        return door.resolve(href, base)
    except UnavailableError as error:
        name = parse_url(href).name if is_remote(href) else href[:200]
        raise InputError(
            f"{name!r} lies on another machine, where a file of this one is needed.",
            "Upload the file, and give its path in the workspace.",
            code="ProcessParameterInvalid",
        ) from error


def _name_own(archive: Archive, url: str) -> str:
    """Return the path of the results of a job of this account if the address names such, else the address."""
    named = _RESULTS.fullmatch(url)
    if named is None:
        return url
    path = f"{archive.layout.results.name}/{named['api'] or named['signed']}/{COLLECTION}"
    if _find_stored(archive, path) is not None:
        return path
    try:
        find_file(archive, path)
    except InputError:
        return url
    return path


def _find_stored(archive: Archive, url: str) -> tuple[Published, str] | None:
    """Return the result in the object store that a path names, and the document in it."""
    found = _INNER.fullmatch(url)
    if archive.bucket is None or found is None:
        return None
    result = archive.result(found[1])
    return (result, found[2]) if result is not None and found[2] in result else None


def _read_stored(result: Published, name: str) -> list[Item]:
    """Return the items of a result, with the URLs of their assets in the store."""
    document = read_document(result, name)
    names = [_plain(entry["href"]) for entry in document["links"] if entry["rel"] == "item"]
    items = [document] if document["type"] == "Feature" else [read_document(result, n) for n in names]
    return [
        item
        | {"assets": {k: a | {"href": result.locate(_plain(a["href"]))} for k, a in item["assets"].items()}}
        for item in items
    ]


def _plain(href: str) -> str:
    return href.removeprefix("./")


def _no_stac(url: str, why: str) -> InputError:
    return InputError(
        f"{url!r} is not a static STAC document: {why}.",
        "Give the address or path of a collection.json, catalog.json or item.",
        code="ProcessParameterInvalid",
    )


def _walk(door: Door, start: Path) -> Iterator[tuple[Item, Path]]:
    """Yield the items from a document on, each file once, in the order of the links."""
    pending, seen = [start], {start}
    while pending:
        path = pending.pop()
        document = read_json(path.read_bytes(), f"The STAC document {path.name!r}")
        if document.get("type") == "Feature":
            yield document, path
            continue
        links = [k["href"] for k in document["links"] if k["rel"] in ("item", "child")]
        found = [_resolve(door, href, path.parent) for href in links]
        fresh = [p for p in dict.fromkeys(found) if p not in seen]
        seen.update(fresh)
        pending.extend(reversed(fresh))
        if len(seen) > _MOST:
            raise _no_stac(str(start), f"it links to more than {_MOST} files")


def _walk_afar(door: Door, start: str) -> Iterator[tuple[Item, str]]:
    """Yield the items from the document at a URL on, as :func:`_walk`, with the URL of each."""
    documents = Documents(door)
    pending, seen = [start], {start}
    while pending:
        url = pending.pop()
        document = documents.read(url)
        if document.get("type") == "Feature":
            yield document, url
            continue
        found = [link["href"] for link in find_links(document, url, "item", "child")]
        fresh = [href for href in dict.fromkeys(found) if href not in seen]
        seen.update(fresh)
        pending.extend(reversed(fresh))
        if len(seen) > _MOST_REMOTE:
            raise _no_stac(start, f"it links to more than {_MOST_REMOTE} documents")


def _with_urls(item: Item, base: str) -> Item:
    assets = {key: {**asset, "href": join_url(base, asset["href"])} for key, asset in item["assets"].items()}
    if local := [asset["href"] for asset in assets.values() if not is_remote(asset["href"])]:
        raise _no_stac(base, f"it names {local[0][:200]!r}, which is not on its machine")
    return {**item, "assets": assets}


def _with_paths(item: Item, place: Path) -> Item:
    def absolute(href: str) -> str:
        return href if is_remote(href) else str(place.parent / href)

    assets = {key: {**asset, "href": absolute(asset["href"])} for key, asset in item["assets"].items()}
    return {**item, "assets": assets}


def bands_of(items: Sequence[Item]) -> tuple[Band, ...]:
    """Return a band for each raster among the items' assets, as the first item that has it states it."""
    known: dict[str, Band] = {}
    for item in items:
        for key, asset in item["assets"].items():
            if "proj:transform" in asset:
                nodata = asset.get("nodata")
                known.setdefault(
                    key, Band(key, asset["data_type"], None if nodata is None else float(nodata))
                )
    return tuple(known.values())
