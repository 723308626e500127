"""Files of items in an object store: sent there when a product comes in, named by what they hold.

An object's name has the beginning of its SHA-256, so that an object never changes: an item that comes again
in another state gets other objects, and the older version keeps its own.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import is_remote
from eocene.archive.fetch.paths import parse_href
from eocene.archive.packing.zips import MEMBER
from eocene.archive.raster import is_hdf5, is_sinusoidal, is_swath, is_zarr
from eocene.archive.rasters.sentinel1 import is_sentinel1
from eocene.archive.store.sending import measure_file, send_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eocene.archive.fetch import Door
    from eocene.archive.store.bucket import Bucket

ROOM = "assets"
_log = logging.getLogger(__name__)
_TIED = (is_zarr, is_hdf5, is_sentinel1, is_sinusoidal, is_swath, lambda asset: MEMBER in asset)
"""What is read together with other files beside it."""


def send_assets(items: Sequence[dict[str, Any]], bucket: Bucket, door: Door) -> list[dict[str, Any]]:
    """Send the files of items to the store and return the items with their URLs there.

    An item goes whole or, where one of its assets is read with the files beside it (a folder, a zip file,
    Zarr, Sentinel-1, scans), stays where it is, which the log says.

    Raises
    ------
    StoreUnavailableError, DamageError
        If the store does not take a file; what was sent is used by the next try.
    """
    places: dict[str, str] = {}
    for item in items:
        if _can_go(item):
            places |= _name_files(item, door)
        else:
            _log.warning("the item %s is read with the files beside it and stays on this machine", item["id"])

    def send(href: str) -> None:
        bucket.put(places[href], Path(parse_href(href)), bucket.find(places[href]))

    send_all(send, places)
    return [_tell(item, places, bucket) if _can_go(item) else item for item in items]


def _can_go(item: Mapping[str, Any]) -> bool:
    return not any(_is_tied(asset) for asset in item["assets"].values())


def _is_tied(asset: Mapping[str, Any]) -> bool:
    href = str(asset.get("href", ""))
    return any(test(asset) for test in _TIED) or (not is_remote(href) and Path(parse_href(href)).is_dir())


def _name_files(item: Mapping[str, Any], door: Door) -> dict[str, str]:
    """Return the names of the objects of an item's local files, by their hrefs."""
    names = {}
    for asset in item["assets"].values():
        href = str(asset["href"])
        if not is_remote(href) and Path(parse_href(href)).is_file():
            path = door.resolve(href)
            digest = measure_file(path)[1]
            names[href] = f"{ROOM}/{item['collection']}/{item['id']}/{digest[:16]}/{path.name}"
    return names


def _tell(item: dict[str, Any], places: Mapping[str, str], bucket: Bucket) -> dict[str, Any]:
    assets = {
        key: asset | {"href": bucket.href(places[asset["href"]])} if asset.get("href") in places else asset
        for key, asset in item["assets"].items()
    }
    return item | {"assets": assets}
