"""Static STAC: a catalogue or collection folder, an item, or a feature collection of items."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import Door
from eocene.archive.normalise import normalise_collection, normalise_item
from eocene.archive.product import Product, Reader, make_collection, name_collection
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive.product import IngestOptions

_ENTRIES = ("catalog.json", "collection.json")
_LARGEST_BYTES = 256 * 2**20
_SNIFFED_BYTES = 65_536
_MOST_DOCUMENTS = 2_000_000


def recognise(path: Path) -> bool:
    """Tell whether it is a folder with catalog.json or collection.json, or a STAC JSON file."""
    if path.is_dir():
        return any((path / entry).is_file() for entry in _ENTRIES)
    if path.suffix.lower() not in (".json", ".geojson"):
        return False
    with path.open("rb") as stream:
        return b'"stac_version"' in stream.read(_SNIFFED_BYTES)


def find_roots(path: Path) -> tuple[Path, ...]:
    """Return the folder that the assets have to lie in."""
    return (path if path.is_dir() else path.parent,)


def read_product(path: Path, options: IngestOptions) -> Iterator[Product]:
    """Yield each collection with its items; relative hrefs become absolute paths, URLs stay.

    Raises
    ------
    InputError
        If a document is not STAC, or a link leads out of the folder.
    UnavailableError
        If a child or item is remote, or a data asset that may not be read in place.
    """
    entry = path
    if path.is_dir():
        entry = next(path / name for name in _ENTRIES if (path / name).is_file())
    door = Door.of(find_roots(path))
    collections: dict[str, dict[str, Any]] = {}
    items: dict[str, list[dict[str, Any]]] = {}
    fallback = options.collection or name_collection(entry.parent.name)
    for document, file, owner in _walk(entry, door):
        if document["type"] == "Collection":
            collection = normalise_collection(document)
            collections[collection["id"]] = collection
            continue
        item = normalise_item(document, lambda href, file=file: _absolute(href, file, door))  # type: ignore[misc]
        name = options.collection or document.get("collection") or owner or fallback
        items.setdefault(name, []).append(item | {"collection": name})
    if not items and not collections:
        raise InputError(f"The STAC file {str(entry)!r} leads to no item.", "Check its links.")
    for name in dict.fromkeys([*items, *collections]):
        known = collections.get(name) or make_collection(name, name, f"STAC items of {entry.parent.name}.")
        if name in items or options.collection is None:
            yield known, items.get(name, [])


READER = Reader(
    "stac", "STAC (a folder with catalog.json, or the JSON of a collection, an item or items)",
    recognise, read_product, find_roots,
)  # fmt: skip


def _walk(entry: Path, door: Door) -> Iterator[tuple[dict[str, Any], Path, str | None]]:
    """Yield collections and items with their file and the collection above them; no recursion."""
    queue: list[tuple[Path, str | None]] = [(door.resolve(str(entry.resolve())), None)]
    seen: set[Path] = set()
    while queue:
        file, owner = queue.pop()
        if file in seen:
            continue
        seen.add(file)
        if len(seen) > _MOST_DOCUMENTS:
            raise InputError(f"The catalogue {str(entry)!r} has too many documents.", "Ingest it in parts.")
        document = read_document(file)
        kind = document.get("type")
        if kind == "FeatureCollection":
            for feature in document.get("features", []):
                yield _check_feature(feature, file), file, owner
        elif kind in ("Feature", "Collection"):
            yield document, file, owner
        elif kind != "Catalog":
            raise InputError(f"The file {str(file)!r} is no STAC: its type is {kind!r}.", "Correct it.")
        owner = document.get("id") if kind == "Collection" else owner
        queue.extend((child, owner) for child in _children(document, file, door))


def read_document(file: Path) -> dict[str, Any]:
    """Return the JSON object of a file; raises DamageError if it is not one."""
    try:
        if file.stat().st_size > _LARGEST_BYTES:
            raise DamageError(f"The STAC file {str(file)!r} is larger than 256 MiB.", "Split it.")
        document = json.loads(file.read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        raise DamageError(
            f"The STAC file {str(file)!r} cannot be read: {error}.", "Fetch or write the file again."
        ) from error
    if not isinstance(document, dict):
        raise DamageError(f"The STAC file {str(file)!r} holds no JSON object.", "Fetch or write it again.")
    return document


def _check_feature(feature: Any, file: Path) -> dict[str, Any]:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise InputError(f"The file {str(file)!r} has a feature that is no STAC item.", "Correct it.")
    return feature


def _children(document: dict[str, Any], file: Path, door: Door) -> Iterator[Path]:
    links = document.get("links", [])
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") in ("child", "item"):
            yield door.resolve(str(link.get("href", "")), file.parent)


def _absolute(href: str, file: Path, door: Door) -> str:
    return door.locate(href, file.parent)
