"""The files of a result, gathered in its STAC collection.

openEO asks that a collection of results names the assets of all its items, so that a client finds
every file in one document (source: openEO API 1.2.0, ``GET /jobs/{job_id}/results``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import Door
from eocene.archive.integrity.checksums import SIZE, TREE, hash_tree, list_tree, measure_tree
from eocene.model.files import write_json

if TYPE_CHECKING:
    from pathlib import Path

COLLECTION = "collection.json"


def gather_assets(folder: Path) -> dict[str, Any]:
    """Copy the assets of all items into ``collection.json``, keyed by file name, and return it.

    A Zarr store, which is a folder, gets ``file:size`` and ``eocene:tree_checksum``: the file
    extension's checksum speaks of single files only.
    """
    collection = read_document(folder / COLLECTION)
    assets = {}
    for asset in collection["assets"].values():
        assets[_name(asset)] = asset | _measure_folder(folder / _name(asset))
    for entry in collection["links"]:
        if entry["rel"] == "item":
            item = read_document(folder / entry["href"])
            assets |= {_name(asset): asset for asset in item["assets"].values()}
    collection["assets"] = dict(sorted(assets.items()))
    write_json(folder / COLLECTION, collection)
    return collection


def read_document(path: Path) -> dict[str, Any]:
    """Return a JSON document of a result."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def _name(asset: dict[str, Any]) -> str:
    return str(asset["href"]).removeprefix("./")


def _measure_folder(path: Path) -> dict[str, Any]:
    """Return size and checksum of a folder, as the archive makes them."""
    if not path.is_dir():
        return {}
    folder = path.resolve()
    return {SIZE: measure_tree(folder), TREE: hash_tree(list_tree(folder, Door((folder,))))}
