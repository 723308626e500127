"""Connections of the whole process: each goes to an address that was checked, and stays with it.

A pool is kept for each address, not for each name, so what a name resolves to later changes nothing. The
certificate is held to the name all the same. Proxies of the environment are not used.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import addresses
from eocene.archive.fetch.addresses import check_addresses
from eocene.archive.fetch.connection import Connection
from eocene.archive.fetch.express import Express
from eocene.archive.fetch.lately import Lately
from eocene.archive.fetch.watch import start_watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.archive.fetch.urls import Url

MOST_CONNECTIONS = 32
"""Requests under way at a time, of all threads together."""
_MOST_POOLS = 16
"""Addresses whose connections stay open: those that were used last."""
_RESOLVED_S = 300.0


class Pool:
    """Connections to one address that are free to be used again, the one that was used last first.

    Parameters
    ----------
    url : Url
        Of which origin they are.
    address : str
        Where they lead.
    """

    def __init__(self, url: Url, address: str) -> None:
        self.address = address
        self._url = url
        self._free: deque[Connection] = deque()
        self._is_closed = False

    def take(self) -> Connection:
        """Return a connection that is free, else a new one, which connects when it is used."""
        while self._free:
            with suppress(IndexError):  # another thread was faster
                connection = self._free.pop()
                if connection.is_usable:
                    return connection
                connection.close()
        return Connection(self._url, self.address)

    def give(self, connection: Connection) -> None:
        """Take back a connection whose last answer was read whole."""
        self._free.append(connection)
        if self._is_closed:
            self.close()

    def close(self) -> None:
        """Close the connections that are free, and those that are given back from now on."""
        self._is_closed = True
        while self._free:
            with suppress(IndexError):
                self._free.pop().close()


class Connections:
    """Pools of connections by address, what hosts resolved to, and who waits for answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: OrderedDict[tuple[str, str, int, str], Pool] = OrderedDict()
        self._resolved: Lately[tuple[str, int], list[str]] = Lately(1024, _RESOLVED_S)
        self._redirecting: Lately[tuple[str, str, int], bool] = Lately(1024, _RESOLVED_S)
        self.slots = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.express = Express(self.slots)
        self.threads = ThreadPoolExecutor(MOST_CONNECTIONS, thread_name_prefix="fetch")
        weakref.finalize(self, _close, self._pools)

    def find(self, url: Url, *, private: bool) -> list[Pool]:
        """Return a pool for each address of a URL's host, the one that answered last first.

        Raises
        ------
        InputError
            If one of the addresses must not be connected to.
        OSError
            If the host cannot be resolved.
        """
        key = url.host, url.port
        found = self._resolved.get(key)
        if found is None:
            found = addresses.resolve_host(*key)
            self._resolved.note(key, found)
        check_addresses(url, found, private=private)
        return [self._pool(url, address) for address in found]

    def prefer(self, url: Url, address: str) -> None:
        """Note which address of a host answers."""
        with self._lock:
            found = self._resolved.get((url.host, url.port))
            if found and found[0] != address:
                found.sort(key=address.__ne__)

    def forget(self, url: Url) -> None:
        """Resolve a host anew the next time, since none of its addresses answers."""
        self._resolved.forget((url.host, url.port))

    def note_redirect(self, url: Url) -> None:
        """Note that a host has sent a request elsewhere: the next ones will be sent there, too."""
        self._redirecting.note(url.origin, True)

    def redirects(self, url: Url) -> bool:
        """Return whether a host has sent a request elsewhere lately."""
        return self._redirecting.get(url.origin) is not None

    def _pool(self, url: Url, address: str) -> Pool:
        key = (*url.origin, address)
        with self._lock:
            if key not in self._pools:
                self._pools[key] = Pool(url, address)
            self._pools.move_to_end(key)
            if len(self._pools) > _MOST_POOLS:
                self._pools.popitem(last=False)[1].close()
            return self._pools[key]


def _close(pools: Mapping[Any, Pool]) -> None:
    for pool in pools.values():
        pool.close()


_shared = [Connections()]


def shared_connections() -> Connections:
    """Return the connections of this process."""
    return _shared[0]


def _start_afresh() -> None:
    start_watch()
    _shared[0] = Connections()


os.register_at_fork(after_in_child=_start_afresh)  # two processes must not talk over one socket
