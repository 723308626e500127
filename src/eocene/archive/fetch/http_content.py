"""An object on a server, read in ranges, several at a time; a change of it meanwhile is noticed."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from eocene.archive.fetch.answer import PassingError
from eocene.archive.fetch.ranges import join_ranges
from eocene.model.errors import DamageError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eocene.archive.fetch.answer import Answer, Arrived
    from eocene.archive.fetch.client import Client
    from eocene.archive.fetch.coming import Coming
    from eocene.archive.fetch.content import Identity, Piece
    from eocene.archive.fetch.place import Place

HEAD_BYTES = 32 * 2**10
"""Asked for when an object is opened: the header of most files, so that it costs no request of its own."""
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)")


class HttpContent:
    """An object behind HTTP; it is being opened.

    Parameters
    ----------
    client : Client
        Sends the requests.
    place : Place
        Where it lies.
    known : tuple, optional
        Its identity as an earlier content told it; nothing is asked then before the first read.
    head_bytes : int
        What is asked for when it is opened, and held.

    Attributes
    ----------
    is_stale : bool
        Whether it could not be opened, or a read has found another object in its place.
    """

    def __init__(
        self, client: Client, place: Place, known: Identity | None = None, head_bytes: int = HEAD_BYTES
    ) -> None:
        self.name = place.name
        self._client, self._place = client, place
        self._head, self._head_bytes = b"", head_bytes
        self.is_stale = False
        self._known = known
        if known is None:
            self._opening = self._open()

    @property
    def identity(self) -> Identity:
        """What changes when the bytes change; waits until the server has told it, and raises as that."""
        if self._known is None:
            try:
                self._known = self._opening.result()
            except BaseException:
                self.is_stale = True
                raise
        return self._known

    def opened(self) -> HttpContent:
        """Wait until it is open.

        Raises
        ------
        MissingError, DamageError, UnavailableError
            If it does not exist, cannot be read, or is large and the server knows no ranges.
        """
        self.identity  # noqa: B018
        return self

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.identity[1]

    def read(self, offset: int, length: int) -> bytes:
        """Return a range."""
        (part,) = self.ask_many([(offset, length)])
        return bytes(part())

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> Sequence[Piece]:
        """Return several ranges; neighbours with one request, several requests at a time."""
        return [part() for part in self.ask_many(ranges)]

    def ask_many(self, ranges: Sequence[tuple[int, int]]) -> list[Callable[[], Piece]]:
        """Ask for several ranges, and return at once what waits for each."""
        wanted = [_clip(offset, length, self.size) for offset, length in ranges]
        spans = join_ranges([span for span in wanted if span[1] > len(self._head)])
        coming = {span: self._fetch(*span) for span in spans}
        return [partial(self._cut, coming, *span) for span in wanted]

    def _cut(self, coming: Mapping[tuple[int, int], Coming[Piece]], start: int, stop: int) -> Piece:
        if stop <= len(self._head):
            return self._head[start:stop]
        for (first, last), part in coming.items():
            if first <= start and stop <= last:
                return part.result()[start - first : stop - first]
        return b""

    def _fetch(self, start: int, stop: int) -> Coming[Piece]:
        headers = {"Range": f"bytes={start}-{stop - 1}"} | _condition(self.identity[2])
        return self._client.start(
            lambda: self._place.ask(headers), lambda answer: self._take(answer, start, stop), stop - start
        )

    def _take(self, answer: Answer | Arrived, start: int, stop: int) -> Piece:
        if answer.status in (412, 416):
            raise self._replaced()
        if answer.status == 200 and start == 0 and stop == self.size == answer.length:
            pass  # the range is all of it
        elif answer.status != 206:
            raise PassingError("the server sent all of it where a range was asked for")
        else:
            first, last, size = _read_range(answer.headers)
            if size != self.size:
                raise self._replaced()
            if (first, last) != (start, stop - 1):
                raise PassingError(
                    f"the server sent the bytes {first} to {last} instead of {start} to {stop - 1}"
                )
        if self.identity[2] and _validator(answer.headers) != self.identity[2]:
            raise self._replaced()
        body = answer.fill(stop - start)
        if len(body) != stop - start:
            raise PassingError(f"it was cut off after {len(body)} of {stop - start} bytes")
        return body

    def _open(self) -> Coming[Identity]:
        headers = {"Range": f"bytes=0-{self._head_bytes - 1}"}
        return self._client.start(lambda: self._place.ask(headers), self._take_head, self._head_bytes)

    def _take_head(self, answer: Answer | Arrived) -> Identity:
        if answer.status == 206:
            first, last, size = _read_range(answer.headers)
            if first != 0 or last + 1 != min(size, self._head_bytes):
                raise PassingError("the server sent another range than the one asked for")
            self._head = answer.body(last + 1)
            if len(self._head) != last + 1:
                raise PassingError("its beginning was cut off")
        elif answer.status == 416:  # there is no first byte
            self._head, size = b"", 0
        else:
            self._head = answer.body(self._check_whole(answer))
            size = len(self._head)
        validator = _validator(answer.headers)
        return (self.name if validator else self._place.identify()), size, validator

    def _check_whole(self, answer: Answer | Arrived) -> int:
        most = self._client.limits.whole_bytes
        if answer.length is not None and answer.length > most:
            raise UnavailableError(
                f"{self.name!r} cannot be read in place: its server sends all {answer.length} bytes where "
                "a range is asked for.",
                "Download it and ingest the local copy.",
            )
        return most

    def _replaced(self) -> DamageError:
        self.is_stale = True
        return DamageError(f"{self.name!r} was replaced while it was read.", "Open it again.")


def _condition(validator: int | str) -> dict[str, str]:
    """Return the header that makes a server refuse if the object is no more the same."""
    text = str(validator)
    if text.startswith('"'):
        return {"If-Match": text}
    return {} if not text or text.startswith("W/") else {"If-Unmodified-Since": text}


def _validator(headers: Mapping[str, str]) -> str:
    """Return what changes when the object does: its entity tag, else its time of change; may be empty."""
    return headers.get("etag") or headers.get("last-modified") or ""


def _read_range(headers: Mapping[str, str]) -> tuple[int, int, int]:
    """Return first byte, last byte and size of the object."""
    found = _RANGE.fullmatch(headers.get("content-range", "").strip())
    if not found or found[1] is None or not int(found[1]) <= int(found[2]) < int(found[3]):
        raise PassingError("the server does not say which range it sent")
    return int(found[1]), int(found[2]), int(found[3])


def _clip(offset: int, length: int, size: int) -> tuple[int, int]:
    if offset < 0 or length < 0:
        raise ValueError(f"a range cannot begin at {offset} and be {length} bytes long")
    return min(offset, size), min(offset + length, size)
