"""One request over HTTP: sent to a checked address, redirected by the same rules, tried again, bounded."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from ssl import SSLError
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin

from eocene.archive.fetch.answer import REDIRECTS, Answer, Limits, PassingError, describe_fault, find_fault
from eocene.archive.fetch.connection import UnreachableError
from eocene.archive.fetch.connections import shared_connections
from eocene.archive.fetch.errand import RangeErrand
from eocene.archive.fetch.refusal import refuse_url
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eocene.archive.fetch.answer import Arrived
    from eocene.archive.fetch.coming import Coming
    from eocene.archive.fetch.connections import Pool
    from eocene.archive.fetch.policy import Policy
    from eocene.archive.fetch.urls import Url

T = TypeVar("T")

_TAKEN = (201, 202, 204)
"""What a server answers to what it was posted and took."""
_SHARED = (
    "range",
    "if-match",
    "if-range",
    "if-unmodified-since",
    "accept",
    "accept-encoding",
    "content-type",
)
"""Headers that another origin may see after a redirect; what else a caller gives may be secret."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.1, 20.0


@dataclass(frozen=True)
class Request:
    """What is asked.

    Parameters
    ----------
    url : Url
        An http or https URL.
    method, body, headers
        As they are sent.
    private : bool, optional
        Whether its host may have a private address; by default the policy says so.
    name : str
        What errors call it, if not by its URL.
    """

    url: Url
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    private: bool | None = None
    name: str = ""

    @property
    def label(self) -> str:
        """What errors call it."""
        return self.name or self.url.name

    @property
    def all_headers(self) -> dict[str, str]:
        """Its headers with those that every request has."""
        own = {"Host": self.url.authority, "Accept-Encoding": "identity", "User-Agent": "eocene"}
        return own | dict(self.headers)


class Client:
    """Sends requests for a policy.

    Parameters
    ----------
    policy : Policy
        Where redirects may lead, and which hosts may be private.
    limits : Limits
        Times and sizes.
    """

    def __init__(self, policy: Policy, limits: Limits | None = None) -> None:
        self.policy, self.limits = policy, limits or Limits()

    def ask(
        self,
        make: Callable[[], Request],
        take: Callable[[Answer], T],
        *,
        seconds: float | None = None,
        fault: PassingError | None = None,
    ) -> T:
        """Send a request and return what ``take`` makes of the answer; both again where a fault may pass.

        Parameters
        ----------
        make : callable
            Makes the request, anew for each attempt.
        take : callable
            Reads the answer; raises :class:`PassingError` if it is to be asked again.
        seconds : float, optional
            For all attempts together.
        fault : PassingError, optional
            What an attempt has met that was made before.

        Raises
        ------
        InputError
            If an address or a redirect is refused.
        DamageError
            If the server refuses, or no attempt succeeds; the URL is named.
        """
        deadline = time.monotonic() + (self.limits.total_s if seconds is None else seconds)
        attempt = 0
        while True:
            request = make()
            if fault is None:
                try:
                    with self._send(request, deadline) as answer:
                        return take(answer)
                except PassingError as error:
                    fault = error
            attempt = 1 if fault.progressed else attempt + 1
            wait = _choose_wait(attempt, fault.wait_s)
            if attempt >= self.limits.attempts or time.monotonic() + wait > deadline:
                raise _gave_up(request.label, fault, attempt) from fault
            fault = None
            time.sleep(wait)

    def start(
        self, make: Callable[[], Request], take: Callable[[Answer | Arrived], T], size: int
    ) -> Coming[T]:
        """Do as :meth:`ask` does for a range of so many bytes, without waiting.

        ``take`` is called in another thread, whose time others wait for.
        """
        errand = RangeErrand(self, make, take, size)
        shared_connections().express.send(errand)
        return errand.coming

    def find_pools(self, request: Request) -> list[Pool]:
        """Return the connections that a request may go over, those of the best address first.

        Raises
        ------
        InputError
            If an address of the host must not be connected to.
        PassingError
            If the host cannot be resolved.
        """
        url = request.url
        private = self.policy.allows_private(url) if request.private is None else request.private
        try:
            return shared_connections().find(url, private=private)
        except OSError as error:
            raise PassingError(f"the host {url.host!r} cannot be resolved ({error})") from error

    @contextmanager
    def _send(self, request: Request, deadline: float) -> Iterator[Answer]:
        """Yield the answer of the last of the redirects."""
        slots = shared_connections().slots
        if not slots.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise PassingError("all connections of this process were busy")
        try:
            answer = self._follow(request, deadline)
            try:
                yield answer
            finally:
                answer.close()
        finally:
            slots.release()

    def _follow(self, request: Request, deadline: float) -> Answer:
        for _ in range(self.limits.redirects + 1):
            answer = self._exchange(request, deadline)
            if answer.status not in REDIRECTS:
                if request.method == "GET" or answer.status not in _TAKEN:
                    _raise_fault(answer)
                return answer
            target = answer.headers.get("location", "")
            answer.close()
            request = self._redirect(request, answer.status, target)
        raise DamageError(
            f"{request.label!r} redirects more than {self.limits.redirects} times.", "Give its final URL."
        )

    def _redirect(self, request: Request, status: int, target: str) -> Request:
        url = self.policy.admit(urljoin(str(request.url), target))
        if request.method != "GET" and (status not in (307, 308) or url.origin != request.url.origin):
            raise refuse_url(request.url.name, f"it answers {request.method} by a redirect to elsewhere")
        if url.scheme == "s3" or (request.url.scheme == "https" and url.scheme == "http"):
            raise refuse_url(url.name, "a redirect leads from https to it")
        kept = dict(request.headers)
        if url.origin != request.url.origin:
            kept = {name: value for name, value in kept.items() if name.lower() in _SHARED}
        return Request(url, request.method, kept, request.body, name=request.name)

    def _exchange(self, request: Request, deadline: float) -> Answer:
        """Send to the first address that accepts a connection."""
        url, connections = request.url, shared_connections()
        pools, headers = self.find_pools(request), request.all_headers
        fault: Exception | None = None
        for pool in pools:
            connection, left = pool.take(), max(0.001, deadline - time.monotonic())
            seconds = min(self.limits.connect_s, left), min(self.limits.stall_s, left)
            try:
                response = connection.exchange(request.method, url.target, headers, request.body, seconds)
            except UnreachableError as error:
                fault = error
                continue
            except SSLError as error:
                raise _insecure(request.label, error) from error
            except OSError as error:
                raise PassingError(describe_fault(error)) from error
            if pool is not pools[0]:
                connections.prefer(url, pool.address)
            return Answer(response, connection, pool, request.label, deadline)
        connections.forget(url)
        raise PassingError(describe_fault(fault)) from fault


def _raise_fault(answer: Answer) -> None:
    """Raise what a status says that is neither success nor a range that cannot be had."""
    if answer.status in (200, 206, 412, 416):
        return
    answer.close()
    if fault := find_fault(answer.status, answer.headers):
        raise fault
    answer.refuse()


def _choose_wait(attempt: int, asked: float | None) -> float:
    """Return how long to wait: as asked, else a random part of a time that doubles with each attempt."""
    longest = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0**attempt)
    return random.uniform(longest / 2, longest) if asked is None else asked  # noqa: S311 (no secret)


def _gave_up(name: str, fault: PassingError, attempts: int) -> DamageError:
    asked = "" if fault.wait_s is None else f" and asked to wait {fault.wait_s:.0f} s"
    return DamageError(
        f"{name!r} cannot be read: {fault}{asked}; it was tried {attempts} times.",
        "Try again later, or check the network and the server.",
    )


def _insecure(name: str, error: Exception) -> DamageError:
    return DamageError(
        f"{name!r} cannot be read: no secure connection to its host ({describe_fault(error)}).",
        "Check the server's certificate; SSL_CERT_FILE names further authorities that are trusted.",
    )
