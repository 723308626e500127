"""The files that users upload: listed, streamed in and out, deleted."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from eocene.jobs.uploads import Upload, Uploads
from eocene.serve.auth import Caller
from eocene.serve.paging import Limit, Offset, cut_page
from eocene.serve.rooms import AddressOf, Rooms, RoomsOf
from eocene.serve.settings import OPENEO

router = APIRouter(prefix=OPENEO, tags=["files"])

_KIND = "application/octet-stream"
_BINARY = {"content": {_KIND: {"schema": {"type": "string", "format": "binary"}}}}
_PIECE = 1 << 20


@router.get("/files")
def list_files(
    caller: Caller, rooms: RoomsOf, address: AddressOf, limit: Limit = None, offset: Offset = 0
) -> dict[str, Any]:
    """List the caller's files with size and time of change; without ``limit`` all of them."""
    listed, links = cut_page(_open(rooms, caller).list(), address(f"{OPENEO}/files"), limit, offset)
    return {"files": listed, "links": links}


@router.get("/files/{path:path}", response_class=Response, responses={200: _BINARY})
def download_file(path: str, caller: Caller, rooms: RoomsOf) -> FileResponse:
    """Send a file as it was uploaded."""
    place = _open(rooms, caller).find(path)
    return FileResponse(place, media_type=_KIND, filename=place.name)


@router.put("/files/{path:path}", openapi_extra={"requestBody": {"required": True} | _BINARY})
async def upload_file(path: str, request: Request, caller: Caller, rooms: RoomsOf) -> dict[str, Any]:
    """Store the body as a file, replacing one at the path; folders are made as needed."""
    uploads = _open(rooms, caller)
    upload = await run_in_threadpool(_begin, rooms, caller, path)
    try:
        await _receive(request, upload)
        await run_in_threadpool(upload.publish)
    finally:
        await run_in_threadpool(upload.discard)
    return await run_in_threadpool(uploads.describe, path)


@router.delete("/files/{path:path}", status_code=204)
def delete_file(path: str, caller: Caller, rooms: RoomsOf) -> Response:
    """Delete a file, and the folders that are empty then."""
    _open(rooms, caller).delete(path)
    return Response(status_code=204)


async def _receive(request: Request, upload: Upload) -> None:
    piece = bytearray()
    async for chunk in request.stream():
        piece += chunk
        if len(piece) >= _PIECE:
            await run_in_threadpool(upload.write, bytes(piece))
            piece.clear()
    await run_in_threadpool(upload.write, bytes(piece))


def _begin(rooms: Rooms, account: str, path: str) -> Upload:
    left = rooms.accounts.storage_left(account)
    return _open(rooms, account).receive(path, rooms.settings.file_limit, left)


def _open(rooms: Rooms, account: str) -> Uploads:
    return Uploads(rooms.archive.of(account).layout)
