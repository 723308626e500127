"""What does not lie on the disk as it is sent, in pieces: whole, or the range that is asked for."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from starlette.responses import FileResponse, Response, StreamingResponse

from eocene.archive.fetch import is_remote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive.fetch import Content


class Placed(Protocol):
    """Files by their names."""

    def locate(self, name: str, /) -> str:
        """Return the path of a file, or its URL in the store."""

    def open(self, name: str, /) -> Content:
        """Return a file for reading."""


_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PIECE = 1 << 20


def send_range(content: Content, asked: str, kind: str, headers: dict[str, str]) -> Response:
    """Send the range that a header asks for; all of it without one, or where there are several.

    Parameters
    ----------
    content : Content
        What is read while it is sent.
    asked : str
        The header ``Range``; may be empty.
    kind : str
        The media type.
    headers : dict
        Sent along.
    """
    headers = headers | {"Accept-Ranges": "bytes"}
    found, size = _RANGE.fullmatch(asked.strip()), content.size
    if found is None or not (found[1] or found[2]):
        headers["Content-Length"] = str(size)
        return StreamingResponse(_read_pieces(content, 0, size), 200, headers, kind)
    start = int(found[1]) if found[1] else max(size - int(found[2]), 0)
    end = min(int(found[2]) + 1, size) if found[1] and found[2] else size
    if start >= end:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    headers |= {"Content-Range": f"bytes {start}-{end - 1}/{size}", "Content-Length": str(end - start)}
    return StreamingResponse(_read_pieces(content, start, end), 206, headers, kind)


def send_place(files: Placed, name: str, kind: str, asked: str) -> Response:
    """Send one of some files, or the range of it that is asked for; raises what they do where there is none.

    Parameters
    ----------
    files : Published or Uploads
        On the disk or in the store.
    name : str
        Of the file.
    kind : str
        Its media type.
    asked : str
        The header ``Range``; may be empty.
    """
    place, short = files.locate(name), PurePosixPath(name).name
    if not is_remote(place):
        return FileResponse(place, media_type=kind, filename=short)
    disposition = f"attachment; filename*=utf-8''{quote(short)}"
    return send_range(files.open(name), asked, kind, {"Content-Disposition": disposition})


def _read_pieces(content: Content, start: int, end: int) -> Iterator[bytes]:
    for offset in range(start, end, _PIECE):
        yield content.read(offset, min(_PIECE, end - offset))
