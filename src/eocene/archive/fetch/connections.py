"""Connections of the whole process: each goes to an address that was checked, and stays with it.

A pool is kept for each address, not for each name, so what a name resolves to later changes nothing. The
certificate is held to the name all the same. Proxies of the environment are not used.
"""

from __future__ import annotations

import os
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cachetools import TTLCache
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

from eocene.archive.fetch import addresses
from eocene.archive.fetch.addresses import check_addresses
from eocene.archive.fetch.quiet import quiet_logs
from eocene.archive.fetch.watch import WatchedConnection, WatchedTlsConnection, start_watch

if TYPE_CHECKING:
    from eocene.archive.fetch.urls import Url

MOST_CONNECTIONS = 32
"""Requests under way at a time, of all threads together."""
_RESOLVED_S = 300.0


class Connections:
    """Pools of connections by address, what hosts resolved to, and the threads that wait for answers."""

    def __init__(self) -> None:
        quiet_logs()
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, str, int, str], HTTPConnectionPool] = {}
        self._resolved: TTLCache[tuple[str, int], list[str]] = TTLCache(1024, _RESOLVED_S)
        self.slots = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.threads = ThreadPoolExecutor(MOST_CONNECTIONS, thread_name_prefix="fetch")

    def find(self, url: Url, *, private: bool) -> list[HTTPConnectionPool]:
        """Return a pool for each address of a URL's host, the one that answered last first.

        Raises
        ------
        InputError
            If one of the addresses must not be connected to.
        OSError
            If the host cannot be resolved.
        """
        key = url.host, url.port
        with self._lock:
            found = self._resolved.get(key)
        if found is None:
            found = addresses.resolve_host(*key)
            with self._lock:
                self._resolved[key] = found
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
        with self._lock:
            self._resolved.pop((url.host, url.port), None)

    def _pool(self, url: Url, address: str) -> HTTPConnectionPool:
        key = (*url.origin, address)
        with self._lock:
            if key not in self._pools:
                self._pools[key] = _make_pool(url, address)
            return self._pools[key]


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = WatchedConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = WatchedTlsConnection


def _make_pool(url: Url, address: str) -> HTTPConnectionPool:
    common: dict[str, Any] = {"port": url.port, "maxsize": MOST_CONNECTIONS, "retries": False}
    if url.scheme == "http":
        return _PlainPool(address, **common)
    return _TlsPool(
        address, ssl_context=tls_context(), server_hostname=url.host, assert_hostname=url.host, **common
    )


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Return how servers have to prove who they are: by the system's certificates, with TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


_shared = [Connections()]


def shared_connections() -> Connections:
    """Return the connections of this process."""
    return _shared[0]


def _start_afresh() -> None:
    start_watch()
    _shared[0] = Connections()


os.register_at_fork(after_in_child=_start_afresh)  # two processes must not talk over one socket
