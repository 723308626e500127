"""The one door to the outside: every path and URL that the archive opens passes here.

An item is data that somebody else wrote; its ``href`` may point anywhere. The door lets through
regular local files inside the allowed roots, after symbolic links are resolved, and URLs below the
prefixes that the operator allows, at addresses that were checked; nothing else.
"""

from __future__ import annotations

import stat
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch.answer import Limits
from eocene.archive.fetch.checksum import Checksum
from eocene.archive.fetch.client import Client, Request
from eocene.archive.fetch.content import LocalContent, MissingError
from eocene.archive.fetch.documents import ask_document, read_document
from eocene.archive.fetch.download import Download
from eocene.archive.fetch.http_content import HttpContent
from eocene.archive.fetch.lately import Lately
from eocene.archive.fetch.paths import parse_href
from eocene.archive.fetch.place import Place, WebPlace
from eocene.archive.fetch.policy import Policy
from eocene.archive.fetch.refusal import refuse_path
from eocene.archive.fetch.s3 import BucketPlace
from eocene.archive.fetch.urls import is_remote, parse_url
from eocene.model.errors import EoceneError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eocene.archive.fetch.content import Content, Identity
    from eocene.archive.fetch.download import Progress
    from eocene.archive.fetch.urls import Url

_REMEMBERED_S = 60.0
_remembered: Lately[Any, HttpContent] = Lately(4096, _REMEMBERED_S)
"""Remote objects that were opened: a cube opens each asset for every block."""


@dataclass(frozen=True)
class Door:
    """Lets local files inside ``roots`` and URLs of the ``policy`` through.

    Parameters
    ----------
    roots : tuple of Path
        Folders, or single files, with symbolic links resolved.
    policy : Policy
        Which URLs may be read; none by default.
    limits : Limits
        Times and sizes of what is fetched.
    hides : callable, optional
        Tells of a file inside whether it is not there for who asks: somebody else's.
    hides_url : callable, optional
        The same of what lies below the prefixes.
    """

    roots: tuple[Path, ...]
    policy: Policy = field(default_factory=Policy)
    limits: Limits = field(default_factory=Limits)
    hides: Callable[[Path], bool] | None = field(default=None, compare=False)
    hides_url: Callable[[Url], bool] | None = field(default=None, compare=False)

    @classmethod
    def of(cls, roots: Iterable[Path | str]) -> Door:
        """Return the door of these roots, their links resolved, and of the environment.

        Parameters
        ----------
        roots : iterable of Path or str
            Folders, single files, or prefixes of URLs.
        """
        return cls((), Policy.of()).widen(roots)

    def widen(self, roots: Iterable[Path | str]) -> Door:
        """Return a door that lets more through.

        Raises
        ------
        InputError
            If a prefix is no plain URL.
        """
        given = list(roots)
        folders = [Path(root).resolve() for root in given if not is_remote(root)]
        prefixes = [str(root) for root in given if is_remote(root)]
        return replace(
            self,
            roots=tuple(dict.fromkeys((*self.roots, *folders))),
            policy=self.policy.widen(prefixes) if prefixes else self.policy,
        )

    def resolve(self, href: str, base: Path | None = None) -> Path:
        """Return the file that ``href`` names, absolute and with links resolved.

        Parameters
        ----------
        href : str
            A local path or a ``file:`` URL.
        base : Path, optional
            The folder that a relative path starts from; without it a relative path is refused.

        Raises
        ------
        InputError
            If it names something that must not be opened.
        UnavailableError
            If it is remote: then :meth:`open` reads it in place and :meth:`download` brings it here.
        MissingError
            If the file has gone.
        """
        path = Path(parse_href(href))
        if not path.is_absolute():
            if base is None:
                raise refuse_path(href, "it is relative and nothing says to what")
            path = base / path
        try:
            resolved = path.resolve(strict=True)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise _missing(path) from error
        except (OSError, RuntimeError) as error:
            raise refuse_path(href, "its path cannot be resolved") from error
        self._confine(href, resolved)
        if self.hides is not None and self.hides(resolved):
            raise _missing(path)
        return resolved

    def locate(self, href: str, base: Path | None = None) -> str:
        """Return the absolute path of a file, or the URL of what may be read in place; nothing is asked.

        Parameters
        ----------
        href, base
            As for :meth:`resolve`, or a URL.

        Raises
        ------
        InputError, MissingError
            As :meth:`resolve`; if a URL is not plain.
        UnavailableError
            If a URL is not among those that may be read.
        """
        if not is_remote(href):
            return str(self.resolve(href, base))
        if not self.policy.covers(parse_url(href)):
            raise UnavailableError(
                f"The asset {parse_url(href).name!r} is remote, and not among what may be read from here.",
                "Let the operator add its prefix to EOCENE_REMOTE, or download the product and ingest that.",
            )
        return href

    def open(self, href: str, *, known: Identity | None = None) -> Content:
        """Return what an href names, to be read in ranges; thread-safe.

        Parameters
        ----------
        href : str
            A local path, or an http, https or s3 URL.
        known : tuple, optional
            The identity that remote content had when it was opened before, such as one that a catalogue
            keeps: nothing is asked then until it is read, and reading fails if it has changed.

        Raises
        ------
        InputError
            If it names something that must not be opened.
        MissingError, DamageError
            If it has gone or cannot be read.
        UnavailableError
            If it cannot be read in place.
        """
        if not is_remote(href):
            return LocalContent(self.resolve(href))
        place = self._admit(href)
        content = self._recall(place)
        if content is None or known not in (None, content.opened().identity):
            content = self._remember(place, HttpContent(self._client, place, known))
        return content.opened()

    def begin(self, href: str) -> None:
        """Ask a server for what is about to be opened, without waiting; opening it tells what is wrong."""
        with suppress(EoceneError):
            place = self._admit(href)
            if self._recall(place) is None:
                self._remember(place, HttpContent(self._client, place))

    def _recall(self, place: Place) -> HttpContent | None:
        content = _remembered.get((place.key, self._client))
        return None if content is None or content.is_stale else content

    def _remember(self, place: Place, content: HttpContent) -> HttpContent:
        _remembered.note((place.key, self._client), content)
        return content

    def open_small(self, url: str, most: int) -> Content:
        """Return what a URL names, with one request if it has no more than ``most`` bytes; not remembered.

        Raises
        ------
        InputError, MissingError, DamageError, UnavailableError
            As :meth:`open`.
        """
        return HttpContent(self._client, self._admit(url), head_bytes=max(1, most)).opened()

    def download(
        self,
        href: str,
        target: Path,
        *,
        progress: Progress | None = None,
        checksum: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Fetch a remote object into a file: whole or not at all, going on where it was cut off before.

        Parameters
        ----------
        href : str
            An http, https or s3 URL.
        target : Path
            The file; it is replaced. ``NAME.partial`` and ``NAME.partial.tag`` lie beside it meanwhile.
        progress : callable, optional
            Called with (bytes so far, all bytes; 0 where the server does not say).
        checksum : str, optional
            A multihash in hexadecimal as in STAC's ``file:checksum``, or ``sha256:…``.
        headers : mapping, optional
            Sent along, such as a token; to this origin only, also after redirects.

        Raises
        ------
        InputError
            If the URL is not allowed.
        DamageError
            If it cannot be had whole and right; the target is as it was.
        StateError
            If it is being fetched already.
        """
        wanted = None if checksum is None else Checksum.parse(checksum)
        Download(self._client, self._admit(href, headers), target, progress).run(wanted)

    def get_json(
        self,
        url: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the JSON that a URL answers with.

        Parameters
        ----------
        url : str
            An http or https URL.
        method : str
            GET, or POST for searches; it may be sent more than once.
        body : JSON value or bytes, optional
            What is posted; bytes are a form, as token servers want it.
        headers : mapping, optional
            As for :meth:`download`.

        Raises
        ------
        InputError
            If the URL is not allowed.
        DamageError
            If there is no answer, it is too large, or no JSON.
        """
        request = ask_document(self.policy.admit(url), method, body, headers)
        return self._client.ask(
            lambda: request, lambda answer: read_document(answer, self.limits.document_bytes)
        )

    def get_bytes(self, url: str, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the document that a URL answers with, such as a feed; raises as :meth:`get_json`."""
        request = Request(self.policy.admit(url), headers=dict(headers or {}))
        return self._client.ask(lambda: request, lambda answer: answer.body(self.limits.document_bytes))

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Return when a URL has taken a body, maybe sent more than once; raises as :meth:`get_json`."""
        request = Request(self.policy.admit(url), "POST", dict(headers), body)
        self._client.ask(lambda: request, lambda _answer: None)

    def identify(self, href: str, headers: Mapping[str, str] | None = None) -> Identity:
        """Return size and entity tag of a remote object as its server tells them now; see :meth:`download`.

        Raises
        ------
        InputError
            If the URL is not allowed.
        MissingError, DamageError, UnavailableError
            If the server does not tell.
        """
        return HttpContent(self._client, self._admit(href, headers)).identity

    @cached_property
    def _allowed(self) -> frozenset[str]:
        return frozenset(map(str, self.roots))  # thousands of products may have been ingested

    @cached_property
    def _client(self) -> Client:
        return _make_client(self.policy, self.limits)

    def _admit(self, href: str, headers: Mapping[str, str] | None = None) -> Place:
        url = self.policy.admit(href)
        if self.hides_url is not None and self.hides_url(url):
            raise MissingError(f"{url.name!r} does not exist.", "Check whether it was moved.")
        return BucketPlace(url) if url.scheme == "s3" else WebPlace(url, headers)

    def _confine(self, href: str, resolved: Path) -> None:
        # A link may lead to a name that would not have passed as such.
        parse_href(str(resolved))
        place = str(resolved)
        while place and place not in self._allowed:
            place = place.rpartition("/")[0]
        if not place and "/" not in self._allowed:
            raise refuse_path(href, "it lies outside the workspace and the folders that were ingested")
        if not stat.S_ISREG(resolved.stat().st_mode):
            raise refuse_path(href, "it is not a regular file")


@lru_cache(maxsize=64)
def _make_client(policy: Policy, limits: Limits) -> Client:
    """Return the client of a policy: the same for doors that let the same through."""
    return Client(policy, limits)


def _missing(path: Path) -> MissingError:
    return MissingError(
        f"The file {str(path)!r} does not exist.",
        "Put it back where it was, or ingest the product again from its new place.",
    )
