"""Static STAC in the workspace: an Item, or the items under a Collection or Catalog."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import is_remote
from eocene.archive.store.published import read_document
from eocene.model import Band, DamageError, EoceneError, InputError
from eocene.process.strict_json import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from eocene.archive import Archive
    from eocene.archive.fetch import Door
    from eocene.archive.store.published import Published

    Item = dict[str, Any]

_RESULTS = re.compile(r"https?://[^\s?#]+/jobs/([\w\-]+)/results/?(?:\?[^\s#]*)?")
_INNER = re.compile(r"results/([\w\-]+)/([\w\-.]+\.json)")
COLLECTION = "collection.json"
_MOST = 100_000


def find_file(archive: Archive, url: str) -> Path:
    """Return the file of the workspace, or of an ingested folder, that a user names.

    Raises
    ------
    InputError
        FileNotFound, if there is none; another if it must not be opened.
    """
    try:
        return archive.door().resolve(url, archive.layout.root)
    except DamageError as error:
        raise InputError(
            f"There is no file {url[:200]!r}.", "Give a path inside the workspace.", code="FileNotFound"
        ) from error


def read_static_items(archive: Archive, url: str) -> list[Item]:
    """Return the items of a STAC document, those under its children included, hrefs made absolute.

    Parameters
    ----------
    archive : Archive
        Whose door lets files of the workspace and of ingested folders through.
    url : str
        A path, relative to the workspace, or the address of the results of a job that lie here.

    Raises
    ------
    InputError
        If a file is outside, or not STAC.
    UnavailableError
        If it lies on another machine.
    DamageError
        If a file that another one links to is missing.
    """
    door = archive.door()
    stored = _find_stored(archive, url)
    if stored is not None:
        return _read_stored(*stored)
    job = _RESULTS.fullmatch(url)
    if job and (archive.layout.results / job.group(1) / "collection.json").is_file():
        url = f"{archive.layout.results.name}/{job.group(1)}/collection.json"
    path = find_file(archive, url)
    try:
        return [_with_paths(item, place) for item, place in _walk(door, path)]
    except EoceneError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_stac(url, str(error)) from error


def _find_stored(archive: Archive, url: str) -> tuple[Published, str] | None:
    """Return the result in the object store that a URL or path names, and the document in it."""
    job, inner = _RESULTS.fullmatch(url), _INNER.fullmatch(url)
    found = job or inner
    if archive.bucket is None or found is None:
        return None
    name = inner[2] if inner else COLLECTION
    result = archive.result(found[1])
    return (result, name) if result is not None and name in result else None


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
        "Give the path of a collection.json, catalog.json or item inside the workspace.",
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
        found = [door.resolve(href, path.parent) for href in links]
        fresh = [p for p in dict.fromkeys(found) if p not in seen]
        seen.update(fresh)
        pending.extend(reversed(fresh))
        if len(seen) > _MOST:
            raise _no_stac(str(start), f"it links to more than {_MOST} files")


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
