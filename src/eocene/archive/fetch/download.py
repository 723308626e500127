"""A remote object becomes a file: atomic, resumed where it was cut off, checked."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eocene.archive.fetch.answer import PassingError
from eocene.archive.fetch.checksum import Checksum
from eocene.model.errors import DamageError, StateError
from eocene.model.files import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from eocene.archive.fetch.answer import Answer
    from eocene.archive.fetch.client import Client
    from eocene.archive.fetch.place import Place

    Progress = Callable[[int, int], None]

_DAY_S = 86_400.0
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")
_SPARE_BYTES = 16 * 2**20


class Download:
    """One object on its way to a file.

    Beside the target lie ``NAME.partial``, its bytes so far, and ``NAME.partial.tag``, the entity tag that
    they belong to; whoever asks for the same target later goes on from there.

    Parameters
    ----------
    client : Client
        Sends the requests.
    place : Place
        Where the object lies.
    target : Path
        The file; it is replaced when all of it has come.
    progress : callable, optional
        Called with (bytes so far, all bytes; 0 where the server does not say).
    """

    def __init__(self, client: Client, place: Place, target: Path, progress: Progress | None) -> None:
        self._client, self._place, self._target = client, place, target
        self._partial = target.with_name(f"{target.name}.partial")
        self._tag = target.with_name(f"{target.name}.partial.tag")
        self._progress = progress
        self._sized = True

    def run(self, checksum: Checksum | None) -> None:
        """Fetch the object; one whose checksum is wrong is fetched a second time from its beginning.

        Raises
        ------
        DamageError
            If it cannot be had, is too large, or does not hash to the checksum; the target is as it was.
        StateError
            If another process is fetching it.
        """
        self._target.parent.mkdir(parents=True, exist_ok=True)
        with self._locked() as stream:
            for _ in range(2):
                self._client.ask(
                    lambda: self._place.ask(self._headers(stream)),
                    lambda answer: self._take(answer, stream),
                    seconds=_DAY_S,
                )
                stream.flush()
                os.fsync(stream.fileno())
                if checksum is None or checksum.matches(self._partial):
                    return self._finish()
                self._restart(stream)
            self._discard()
        raise DamageError(
            f"{self._place.name!r} does not have the checksum {checksum}, twice in a row.",
            "Check whether its catalogue is out of date.",
        )

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        with self._partial.open("ab") as stream:
            busy = StateError(f"The file {str(self._target)!r} is being fetched already.", "Wait for it.")
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                there = self._partial.stat()
            except (BlockingIOError, FileNotFoundError) as error:
                raise busy from error
            if not os.path.samestat(there, os.fstat(stream.fileno())):
                raise busy  # another one finished between the two calls: the open file is the target now
            yield stream

    def _headers(self, stream: BinaryIO) -> dict[str, str]:
        tag, have = self._read_tag(), stream.seek(0, os.SEEK_END)
        if have and tag:
            return {"Range": f"bytes={have}-", "If-Range": tag}
        self._restart(stream)
        return {}

    def _take(self, answer: Answer, stream: BinaryIO) -> None:
        have, total = stream.seek(0, os.SEEK_END), answer.length
        if answer.status in (412, 416):
            self._restart(stream)
            raise PassingError("what was fetched so far is of another object", progressed=False)
        if answer.status == 206:
            start, total = _read_range(answer)
            if start != have:
                self._restart(stream)
                raise PassingError("the server sent another range than the one asked for")
        else:
            self._restart(stream)
            have = 0
        self._check_room(total, have)
        self._keep_tag(answer)
        self._write(answer, stream, have, total)

    def _write(self, answer: Answer, stream: BinaryIO, have: int, total: int | None) -> None:
        first, most = have, self._client.limits.download_bytes
        try:
            for piece in answer.pieces():
                stream.write(piece)
                have += len(piece)
                if have > (most if total is None else total):
                    self._discard()
                    raise DamageError(f"{self._place.name!r} is larger than it may be.", "Check the server.")
                if self._progress is not None:
                    self._progress(have, total or 0)
        except PassingError as fault:
            raise PassingError(str(fault), fault.wait_s, progressed=have > first) from fault
        if total is not None and have != total:
            raise PassingError(f"it was cut off after {have} of {total} bytes", progressed=have > first)

    def _check_room(self, total: int | None, have: int) -> None:
        most = self._client.limits.download_bytes
        free = shutil.disk_usage(self._target.parent).free - _SPARE_BYTES
        if total is not None and total > most:
            self._discard()
            raise DamageError(
                f"{self._place.name!r} has {total} bytes, more than the {most} that are allowed.",
                "Leave it out.",
            )
        if total is not None and total - have > free:
            raise DamageError(
                f"{self._place.name!r} has {total} bytes; {str(self._target.parent)!r} has no room for it.",
                "Make room on the disk.",
            )

    def _read_tag(self) -> str:
        try:
            return self._tag.read_text(encoding="latin-1")
        except FileNotFoundError:
            return ""

    def _keep_tag(self, answer: Answer) -> None:
        tag = answer.headers.get("etag", "")
        validator = tag if tag.startswith('"') else "" if tag else answer.headers.get("last-modified", "")
        self._tag.write_text(validator, encoding="latin-1")

    def _restart(self, stream: BinaryIO) -> None:
        stream.seek(0)
        stream.truncate()

    def _discard(self) -> None:
        self._tag.unlink(missing_ok=True)
        self._partial.unlink(missing_ok=True)

    def _finish(self) -> None:
        self._partial.replace(self._target)
        self._tag.unlink(missing_ok=True)
        sync_folder(self._target.parent)


def _read_range(answer: Answer) -> tuple[int, int]:
    """Return first byte and size of the object."""
    found = _RANGE.fullmatch(answer.headers.get("content-range", "").strip())
    if not found:
        raise PassingError("the server does not say which range it sent")
    return int(found[1]), int(found[2])
