"""STAC API: the files of assets, whole or in ranges, also those inside zip files."""

from __future__ import annotations

import re
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from eocene.archive.packing.zips import MEMBER, find_member, open_content
from eocene.archive.store import is_stored
from eocene.model import NotFoundError
from eocene.serve.auth import Reader
from eocene.serve.byte_ranges import RangedFile
from eocene.serve.ranges import send_range
from eocene.serve.rooms import Rooms, RoomsOf
from eocene.serve.stac_documents import STAC, is_elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive.packing.zips import Member

router = APIRouter(prefix=STAC, tags=["STAC"])

_ASSET = "/collections/{collection_id}/items/{item_id}/assets/{key}"
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w.+-]+=[\w.+-]+)*", re.ASCII)
_PIECE = 1 << 20


@router.head(_ASSET, include_in_schema=False)
@router.get(_ASSET, response_class=Response)
def download_asset(
    collection_id: str, item_id: str, key: str, request: Request, rooms: RoomsOf, _reader: Reader
) -> Response:
    """Send the file of an asset; a range of it if one is asked for."""
    asset = _find_asset(rooms, collection_id, item_id, key)
    href, kind, member = str(asset.get("href", "")), _media_type(asset), asset.get(MEMBER)
    if is_stored(href):
        headers = {"Content-Disposition": f'attachment; filename="{_plain(PurePosixPath(href).name)}"'}
        return send_range(rooms.archive.door().open(href), request, kind, headers)
    path = rooms.archive.door().resolve(href)
    if not isinstance(member, str):
        # Always as an attachment: a page among the files of a product must not run as one of ours.
        return RangedFile(path, media_type=kind, filename=path.name)
    headers = {"Content-Disposition": f'attachment; filename="{_plain(PurePosixPath(member).name)}"'}
    content = open_content(path, member)
    if content is None:
        return _send_compressed(find_member(path, member), kind, headers)
    return send_range(content, request, kind, headers)


def _find_asset(rooms: Rooms, collection: str, item: str, key: str) -> dict[str, Any]:
    assets = rooms.archive.catalogue.item(collection, item)["assets"]
    if key not in assets:
        raise NotFoundError(
            f"The item {item!r} has no asset {key!r}.", f"It has {', '.join(assets)}.", code="FileNotFound"
        )
    asset: dict[str, Any] = assets[key]
    if is_elsewhere(asset.get("href")):
        raise NotFoundError(
            f"The asset {key!r} of the item {item!r} is not on this server.",
            f"It is at {asset['href']}",
            code="FileNotFound",
        )
    return asset


def _media_type(asset: dict[str, Any]) -> str:
    kind = asset.get("type")
    is_plain = isinstance(kind, str) and _MEDIA_TYPE.fullmatch(kind)
    return kind if is_plain and isinstance(kind, str) else "application/octet-stream"


def _plain(name: str) -> str:
    return re.sub(r"[^\w.+-]", "_", name, flags=re.ASCII)


def _send_compressed(member: Member, kind: str, headers: dict[str, str]) -> Response:
    """Send a compressed member of a zip file as a stream; ranges of it cannot be had."""
    headers = headers | {"Accept-Ranges": "none", "Content-Length": str(member.size)}
    return StreamingResponse(_unpack(member), 200, headers, kind)


def _unpack(member: Member) -> Iterator[bytes]:
    with zipfile.ZipFile(member.archive) as archive, archive.open(member.name) as stream:
        while piece := stream.read(_PIECE):
            yield piece
