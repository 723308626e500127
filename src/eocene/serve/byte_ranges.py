"""The header ``Range``, read as RFC 9110 says, and files that are sent by it.

What is no valid range of bytes is as if it were not there (RFC 9110, 14.2), and so is a range that is asked
for by another method than GET; what lies beyond the end is answered with 416 and the size.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import FileResponse

from eocene.model import EoceneError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.background import BackgroundTask
    from starlette.types import Message, Receive, Scope, Send

Span = tuple[int, int]
"""First byte, and the one after the last."""

_UNIT = re.compile(r"bytes=(.*)", re.IGNORECASE)
_SPEC = re.compile(r"([0-9]+)-([0-9]*)|-([0-9]+)")
_MOST_RANGES = 100
_MOST_DIGITS = 18  # more bytes than any file has


class RangeError(EoceneError):
    """A range was asked for that has no byte of the file.

    Parameters
    ----------
    size : int
        Bytes of the file.
    """

    code = "RangeNotSatisfiable"
    status = 416

    def __init__(self, size: int) -> None:
        self.headers = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        super().__init__(
            f"The file has {size} bytes, and none of them is in the range that is asked for.",
            "Ask for a range that begins before its end, or for all of it, without the header Range.",
        )


def parse_range(asked: str, size: int) -> list[Span]:
    """Return the spans of a file that a header ``Range`` asks for, in its order; none for the whole file.

    Parameters
    ----------
    asked : str
        The header; empty if there is none.
    size : int
        Bytes of the file.

    Raises
    ------
    RangeError
        If it is valid, and all its ranges lie beyond the end.
    """
    found = _UNIT.fullmatch(asked.strip())
    parts = [part.strip(" \t") for part in found[1].split(",")] if found else []
    specs = [_SPEC.fullmatch(part) for part in parts if part]
    if not 0 < len(specs) <= _MOST_RANGES:
        return []
    spans = []
    for spec in specs:
        if spec is None or (spec[1] and spec[2] and _read(spec[2]) < _read(spec[1])):
            return []
        spans.append(_place(spec, size))
    if size == 0 and all(spec is not None and spec[3] and _read(spec[3]) for spec in specs):
        return []  # the last bytes of nothing are all of it, which no Content-Range can say
    reachable = [(start, end) for start, end in spans if start < end]
    if not reachable:
        raise RangeError(size)
    return reachable


def _place(spec: re.Match[str], size: int) -> Span:
    if spec[3]:
        return max(size - _read(spec[3]), 0), size
    return _read(spec[1]), min(_read(spec[2]) + 1, size) if spec[2] else size


def _read(digits: str) -> int:
    plain = digits.lstrip("0")
    return int(plain or "0") if len(plain) <= _MOST_DIGITS else 10**_MOST_DIGITS


class RangedFile(FileResponse):
    """A file on the disk, whole or in the ranges that are asked for; ``If-Range`` is heeded.

    Parameters
    ----------
    path, headers, media_type, background, filename
        As of Starlette's.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        headers: dict[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        filename: str | None = None,
    ) -> None:
        state = os.stat(path)  # noqa: PTH116 (a text may be given)
        super().__init__(path, 200, headers, media_type, background, filename, state)
        self._size = state.st_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, or raise RangeError before anything is sent."""

        async def refuse(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == RangeError.status:
                raise RangeError(self._size)
            await send(message)

        try:
            await super().__call__(self._settle(scope), receive, refuse)
        except RangeError:
            if self.background is not None:
                await self.background()
            raise

    def _settle(self, scope: Scope) -> Scope:
        """Return the request with a header that Starlette reads as it is meant here, or without one."""
        asked = Headers(scope=scope).get("range")
        if asked is None:
            return scope
        settled = dict(scope)
        headers = MutableHeaders(raw=list(scope["headers"]))
        del headers["range"]
        try:
            spans: Sequence[Span] = parse_range(asked, self._size) if scope["method"] == "GET" else ()
            text = ",".join(f"{start}-{end - 1}" for start, end in spans)
        except RangeError:
            text = f"{self._size}-"  # Starlette asks If-Range whether that matters
        if text:
            headers["range"] = f"bytes={text}"
        settled["headers"] = headers.raw
        return settled
