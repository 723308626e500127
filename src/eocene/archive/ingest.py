"""The way in: a product is read, every file of it is checked, then all of it is written at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from eocene.archive.definition import complete_collection
from eocene.archive.fetch import Door, check_tree, parse_href
from eocene.archive.inspection import Inspector
from eocene.archive.integrity.checksums import add_checksums
from eocene.archive.integrity.versions import keep_versions
from eocene.archive.majortom import name_cells
from eocene.archive.readers import find_reader
from eocene.archive.store.assets import send_assets
from eocene.model.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eocene.archive.catalogue.interface import Catalogue
    from eocene.archive.product import IngestOptions, Product

    Progress = Callable[[int, int], None]


def ingest_product(
    catalogue: Catalogue, door: Door, path: Path, options: IngestOptions, progress: Progress | None
) -> list[dict[str, Any]]:
    """Put a product into the catalogue and return its items; see :meth:`Archive.ingest`."""
    parse_href(str(path))
    check_tree(path, door.roots)
    reader = find_reader(path)
    try:
        products = _merge(list(reader.read_product(path, options)))
        roots = reader.find_roots(path)
        wider = door.widen(roots)
        checked = _check(products, Inspector(wider), progress)
        if not any(items for _, items in checked):
            raise InputError(f"The product {str(path)!r} has no items.", "Check that it is complete.")
        collections = [complete_collection(c, _find(catalogue, c["id"]), items) for c, items in checked]
        items = [item for _, items in checked for item in items]
        if options.checksums is not None:
            items = add_checksums(items, wider, options.checksums)
        if options.bucket is not None:
            items = send_assets(items, options.bucket, wider)
        put, versions = keep_versions(catalogue, items)
        catalogue.put_items(put, collections=[*collections, *versions], roots=roots)
    except BaseException:
        _remove(options.written)
        raise
    if options.bucket is not None:
        _remove(options.written)
    return put[: len(items)]


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _merge(products: list[Product]) -> list[Product]:
    """Return each collection once, with the items of all its products."""
    merged: dict[str, Product] = {}
    for collection, items in products:
        first, known = merged.get(collection["id"], (collection, []))
        merged[collection["id"]] = first, [*known, *items]
    for collection, items in merged.values():
        name, times = Counter(item.get("id") for item in items).most_common(1)[0] if items else (None, 0)
        if times > 1:
            raise InputError(
                f"The product has {times} items {name!r} of the collection {collection['id']!r}.",
                "Give each item its own id.",
            )
    return list(merged.values())


def _check(products: list[Product], inspector: Inspector, progress: Progress | None) -> list[Product]:
    total = sum(len(item["assets"]) for _, items in products for item in items)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return [
        (collection, [name_cells(inspector.inspect_item(item, step)) for item in items])
        for collection, items in products
    ]


def _find(catalogue: Catalogue, name: str) -> dict[str, Any] | None:
    try:
        return catalogue.collection(name)
    except NotFoundError:
        return None
