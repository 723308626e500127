"""The objects below one prefix of a bucket: put whole and verified, read in ranges, listed, deleted.

The operator names the place by ``EOCENE_STORE=s3://bucket/prefix``, the server and its keys by the variables
that everybody has: ``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_REGION``.
Requests that write are sent by obstore, those that read by the door, with its limits.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch.answer import Limits
from eocene.archive.fetch.client import Client
from eocene.archive.fetch.download import Download
from eocene.archive.fetch.http_content import HttpContent
from eocene.archive.fetch.policy import Policy
from eocene.archive.fetch.s3 import BucketPlace, connect
from eocene.archive.fetch.urls import Url, is_remote, parse_url
from eocene.archive.store.names import decode_name, encode_name
from eocene.archive.store.sending import measure_file, measure_parts
from eocene.model.errors import DamageError, InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from eocene.archive.fetch.checksum import Checksum
    from eocene.archive.fetch.content import Content

VARIABLE = "EOCENE_STORE"
_PAGE = 1000
_DELETED_AT_ONCE = 50
"""Stores take keys one after the other, and the answer has to come in time."""


class StoreUnavailableError(DamageError):
    """The object store refuses, fails or does not answer; what it has acknowledged is safe."""

    status = 503


class StoreRefusedError(StoreUnavailableError):
    """The object store refuses the keys, so that to try again is of no use."""


@dataclass(frozen=True)
class Entry:
    """An object as a listing shows it.

    Attributes
    ----------
    name : str
        Below the prefix of the store.
    size : int
        Bytes.
    changed : datetime
        When it was put.
    tag : str
        Its entity tag.
    """

    name: str
    size: int
    changed: datetime
    tag: str


class Bucket:
    """Objects by their names: paths with slashes, of any characters.

    Parameters
    ----------
    url : str
        ``s3://bucket/prefix``.
    limits : Limits, optional
        How long reading may take.
    patience_s : float
        Seconds for which one small request is tried again; a file that is sent gets a minute for each try.

    Raises
    ------
    InputError
        If the address is not one, or there are no keys in the environment.
    UnavailableError
        If obstore is not installed.
    """

    def __init__(self, url: str, *, limits: Limits | None = None, patience_s: float = 10.0) -> None:
        self._url = parse_url(url if url.startswith("s3://") else f"s3://{url}")
        self._limits = limits or Limits(total_s=60.0)
        self._patience_s = patience_s
        self._root = self._url.path.strip("/")
        if not os.environ.get("AWS_ACCESS_KEY_ID"):
            raise InputError(
                f"{VARIABLE} names the bucket {self._url.host!r}, and there are no keys to write into it.",
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            )

    @property
    def url(self) -> str:
        """Where it begins, with a slash at its end."""
        return f"s3://{self._url.host}/{self._root}/" if self._root else f"s3://{self._url.host}/"

    def href(self, name: str) -> str:
        """Return the s3 URL of an object."""
        return self.url + encode_name(name)

    def name_of(self, url: Url) -> str | None:
        """Return the name of the object with a URL, None if it lies elsewhere."""
        if not url.is_below(parse_url(self.url)):
            return None
        return decode_name(str(url).removeprefix(self.url))

    # Writing.

    def put(self, name: str, path: Path, known: Entry | None = None) -> None:
        """Put a file: readers see all of it or what was there before; what arrived is verified.

        Parameters
        ----------
        name, path
            Of the object and of the file.
        known : Entry, optional
            What the store has under the name: if it is these very bytes, they are not sent again.

        Raises
        ------
        StoreUnavailableError
            If the store does not take it.
        DamageError
            If the file cannot be read, or other bytes arrived.
        """
        import obstore

        parts = measure_parts(path)
        if known is not None and (known.size, known.tag) == (path.stat().st_size, parts.tag):
            return
        with self._faults(name, "written"):
            told = obstore.put(
                self._sending, self._key(name), path, chunk_size=parts.length, max_concurrency=4,
                use_multipart=parts.is_many,
            )  # fmt: skip
        self._verify(name, path, parts.tag, told["e_tag"])

    def put_bytes(self, name: str, data: bytes) -> None:
        """Put a small object; as :meth:`put`."""
        import obstore

        with self._faults(name, "written"):
            obstore.put(self._asking, self._key(name), data, use_multipart=False)

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; those that are not there are no fault."""
        import obstore

        keys = [self._key(name) for name in names]
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            with self._faults("", "deleted"):
                obstore.delete(self._asking, keys[start : start + _DELETED_AT_ONCE])

    # Reading.

    def find(self, name: str) -> Entry | None:
        """Return what is told of an object, None if there is none."""
        import obstore

        try:
            with self._faults(name, "read"):
                return self._describe(obstore.head(self._asking, self._key(name)))
        except NotFoundError:
            return None

    def list(self, folder: str) -> Iterator[Entry]:
        """Yield the objects below a folder, by their keys."""
        import obstore

        with self._faults(folder, "listed"):
            for page in obstore.list(self._asking, prefix=self._key(folder), chunk_size=_PAGE):
                yield from map(self._describe, page)

    def check(self) -> None:
        """Return if the store answers and has the bucket; else raise StoreUnavailableError, NotFoundError."""
        next(self.list("assets"), None)

    def open(self, name: str) -> Content:
        """Return an object for reading in ranges; raises MissingError, DamageError."""
        return HttpContent(self._client, self._place(name)).opened()

    def read(self, name: str) -> bytes:
        """Return a small object whole, as it is now; raises NotFoundError, StoreUnavailableError."""
        import obstore

        with self._faults(name, "read"):
            return bytes(obstore.get(self._asking, self._key(name)).bytes())

    def fetch(self, name: str, target: Path, checksum: Checksum | None = None) -> None:
        """Bring an object into a file, whole and right or not at all; raises as :meth:`open`."""
        Download(self._client, self._place(name), target, None).run(checksum)

    # How it is asked.

    @cached_property
    def _client(self) -> Client:
        return Client(Policy((parse_url(self.url),)), self._limits)

    @cached_property
    def _asking(self) -> Any:
        """For requests with little in them, which somebody waits for."""
        return connect(self._url.host, timeout_s=self._patience_s / 2, patience_s=self._patience_s)

    @cached_property
    def _sending(self) -> Any:
        return connect(self._url.host, timeout_s=6 * self._patience_s, patience_s=6 * self._patience_s)

    def _key(self, name: str) -> str:
        return "/".join(filter(None, (self._root, encode_name(name))))

    def _place(self, name: str) -> BucketPlace:
        return BucketPlace(parse_url(self.href(name)))

    def _describe(self, told: Any) -> Entry:
        name = decode_name(str(told["path"]).removeprefix(self._root).lstrip("/"))
        return Entry(name, told["size"], told["last_modified"], str(told["e_tag"]))

    def _verify(self, name: str, path: Path, wanted: str, told: str | None) -> None:
        if told == wanted:
            return
        # A store may have entity tags of its own, such as where it encrypts: then the bytes are read again.
        content, whole = self.open(name), measure_file(path)
        if whole != measure_file(content):
            self.delete([name])
            raise DamageError(f"{self.href(name)!r} did not arrive as it was sent.", "Try again.")

    @contextmanager
    def _faults(self, name: str, what: str) -> Iterator[None]:
        from obstore import exceptions

        try:
            yield
        except (exceptions.NotFoundError, FileNotFoundError) as error:
            raise NotFoundError(f"{self.href(name)!r} does not exist.", "Check the bucket.") from error
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
            raise StoreRefusedError(
                f"{self.href(name)!r} cannot be {what}: the object store refuses the keys.",
                "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the rights on the bucket.",
            ) from error
        except (exceptions.BaseError, OSError) as error:
            raise StoreUnavailableError(
                f"{self.href(name)!r} cannot be {what}: {_first_line(error)}",
                "Check the object store and AWS_ENDPOINT_URL, and try again.",
            ) from error


def _first_line(error: Exception) -> str:
    text = str(error).partition("\n")[0][:300]
    return re.sub(r"https?://\S+", "a request", text)  # the network's plan is not the users' concern


def is_stored(href: object) -> bool:
    """Tell whether an href leads into the store that the environment names."""
    place = os.environ.get(VARIABLE, "").strip()
    if not place or not isinstance(href, str) or not is_remote(href):
        return False
    with suppress(InputError):
        return parse_url(href).is_below(parse_url(place))
    return False


def open_object(href: str) -> Content:
    """Return an object of the store by its URL, as it is now; raises as :meth:`Bucket.open`."""
    bucket = open_bucket()
    name = None if bucket is None else bucket.name_of(parse_url(href))
    if bucket is None or name is None:
        raise InputError(f"{href!r} does not lie in the store.", f"Check {VARIABLE}.")
    return bucket.open(name)


def open_bucket() -> Bucket | None:
    """Return the store that the environment names, None if the workspace keeps its files in its folder."""
    url = os.environ.get(VARIABLE, "").strip()
    return Bucket(url) if url else None
