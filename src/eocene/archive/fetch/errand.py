"""A range of an object that is asked for without waiting: by express, else by a thread that tries again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, TypeVar

from eocene.archive.fetch.answer import REDIRECTS, Arrived, PassingError, describe_fault, find_fault
from eocene.archive.fetch.coming import Coming
from eocene.archive.fetch.connection import compose_request
from eocene.archive.fetch.connections import shared_connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.archive.fetch.answer import Answer
    from eocene.archive.fetch.client import Client, Request
    from eocene.archive.fetch.connection import Connection
    from eocene.archive.fetch.connections import Pool
    from eocene.archive.fetch.response import Response

T = TypeVar("T")


class RangeErrand(Generic[T]):
    """Wants what ``take`` makes of the answer to a request.

    Parameters
    ----------
    client : Client
        Finds the connection; asks where the express cannot.
    make, take : callable
        As for :meth:`Client.ask`.
    size : int
        Bytes that are asked for.

    Attributes
    ----------
    coming : Coming
        What is made of the answer, or why there is none.
    """

    def __init__(
        self, client: Client, make: Callable[[], Request], take: Callable[[Answer | Arrived], T], size: int
    ) -> None:
        self._client, self._make, self._take = client, make, take
        self.size, self.stall_s = size, client.limits.stall_s
        self.deadline = time.monotonic() + client.limits.total_s
        self.coming: Coming[T] = Coming()

    def depart(self) -> tuple[Pool, Connection, bytes] | None:
        """Return a connection and the request, None if there is no such; then asking says why."""
        try:
            request = self._make()
            self._url = request.url
            if shared_connections().redirects(request.url):
                return None
            pool = self._client.find_pools(request)[0]
            message = compose_request("GET", request.url.target, request.all_headers, None)
            return pool, pool.take(), message
        except Exception:  # noqa: BLE001  it is met again, and told, by who asks then
            return None

    def arrive(self, response: Response, body: memoryview) -> None:
        """Take the answer."""
        try:
            found = self._take(Arrived(response, body))
        except PassingError as fault:
            self._ask_again(fault)
        except Exception as error:  # noqa: BLE001  it is for who waits
            self.coming.give_up(error)
        else:
            self.coming.give(found)

    def fail(self, error: Exception | None, response: Response | None) -> None:
        """Let a thread ask, with all attempts and redirects."""
        if response is not None and response.status in REDIRECTS:
            shared_connections().note_redirect(self._url)
        if response is not None and response.status not in (0, 206):
            self._ask_again(find_fault(response.status, response.headers))
        else:
            self._ask_again(None if error is None else PassingError(describe_fault(error)))

    def _ask_again(self, fault: PassingError | None) -> None:
        shared_connections().threads.submit(self._ask, fault)

    def _ask(self, fault: PassingError | None) -> None:
        left = self.deadline - time.monotonic()
        try:
            found = self._client.ask(self._make, self._take, seconds=left, fault=fault)
        except BaseException as error:  # noqa: BLE001  as above
            self.coming.give_up(error)
        else:
            self.coming.give(found)
