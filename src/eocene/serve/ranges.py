"""What does not lie on the disk as it is sent, in pieces: whole, or the range that is asked for."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from eocene.archive.fetch import is_remote
from eocene.serve.byte_ranges import RangedFile, parse_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request

    from eocene.archive.fetch import Content


class Placed(Protocol):
    """Files by their names."""

    def locate(self, name: str, /) -> str:
        """Return the path of a file, or its URL in the store."""

    def open(self, name: str, /) -> Content:
        """Return a file for reading."""


_PIECE = 1 << 20


def send_range(content: Content, request: Request, kind: str, headers: dict[str, str]) -> Response:
    """Send the range that a header asks for; all of it without one, or where there are several.

    Parameters
    ----------
    content : Content
        What is read while it is sent.
    request : Request
        Whose header ``Range`` counts.
    kind : str
        The media type.
    headers : dict
        Sent along.

    Raises
    ------
    RangeError
        If there is no byte of it in the range.
    """
    headers, size = headers | {"Accept-Ranges": "bytes"}, content.size
    spans = parse_range(_find_header(request), size)
    if len(spans) != 1:
        headers["Content-Length"] = str(size)
        return StreamingResponse(_read_pieces(content, 0, size), 200, headers, kind)
    ((start, end),) = spans
    headers |= {"Content-Range": f"bytes {start}-{end - 1}/{size}", "Content-Length": str(end - start)}
    return StreamingResponse(_read_pieces(content, start, end), 206, headers, kind)


def _find_header(request: Request) -> str:
    """Return the header ``Range`` if it counts; nothing sent here has a tag that If-Range could name."""
    counts = request.method == "GET" and "if-range" not in request.headers
    return request.headers.get("range", "") if counts else ""


def send_place(files: Placed, name: str, kind: str, request: Request) -> Response:
    """Send one of some files, or the range of it that is asked for; raises what they do where there is none.

    Parameters
    ----------
    files : Published or Uploads
        On the disk or in the store.
    name : str
        Of the file.
    kind : str
        Its media type.
    request : Request
        Whose header ``Range`` counts.
    """
    place, short = files.locate(name), PurePosixPath(name).name
    if not is_remote(place):
        return RangedFile(place, media_type=kind, filename=short)
    disposition = f"attachment; filename*=utf-8''{quote(short)}"
    return send_range(files.open(name), request, kind, {"Content-Disposition": disposition})


def _read_pieces(content: Content, start: int, end: int) -> Iterator[bytes]:
    for offset in range(start, end, _PIECE):
        yield content.read(offset, min(_PIECE, end - offset))
