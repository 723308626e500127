"""The files that users upload: listed, streamed in and out, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from eocene.jobs.stored_uploads import open_uploads
from eocene.serve.auth import Caller
from eocene.serve.paging import Limit, Offset, cut_page
from eocene.serve.ranges import send_place
from eocene.serve.rooms import AddressOf, Rooms, RoomsOf
from eocene.serve.settings import OPENEO

if TYPE_CHECKING:
    from eocene.jobs.uploads import Upload, Uploads

router = APIRouter(prefix=OPENEO, tags=["files"])

_KIND = "application/octet-stream"
_BINARY = {"content": {_KIND: {"schema": {"type": "string", "format": "binary"}}}}
_PIECE = 1 << 20
FilePath = Annotated[
    str,
    Path(json_schema_extra={"format": "file-path"}, description="Names with slashes between, all printable."),
]


@router.get("/files")
def list_files(
    caller: Caller, rooms: RoomsOf, address: AddressOf, limit: Limit = None, offset: Offset = 0
) -> dict[str, Any]:
    """List the caller's files with size and time of change; without ``limit`` all of them."""
    listed, links = cut_page(_open(rooms, caller).list(), address(f"{OPENEO}/files"), limit, offset)
    return {"files": listed, "links": links}


@router.get("/files/{path:path}", response_class=Response, responses={200: _BINARY})
def download_file(path: FilePath, request: Request, caller: Caller, rooms: RoomsOf) -> Response:
    """Send a file as it was uploaded."""
    return send_place(_open(rooms, caller), path, _KIND, request)


@router.put("/files/{path:path}", openapi_extra={"requestBody": _BINARY})
async def upload_file(path: FilePath, request: Request, caller: Caller, rooms: RoomsOf) -> dict[str, Any]:
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
def delete_file(path: FilePath, caller: Caller, rooms: RoomsOf) -> Response:
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
    return open_uploads(rooms.archive.of(account).layout)
