"""The server process."""

from __future__ import annotations

import gc
import ipaddress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from eocene.model import InputError, Layout
from eocene.serve.app import create_app
from eocene.serve.logging import configure_logging
from eocene.serve.settings import ServeSettings

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

# Longer than clients keep idle connections: one that is closed as they ask again is an error to them.
_KEEP_ALIVE_S = 75

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def serve(
    root: Layout | Path | str,
    host: str = "127.0.0.1",
    port: int = 8080,
    settings: ServeSettings | None = None,
    *,
    announce: Callable[[str], None] | None = None,
    **choices: Any,
) -> None:
    """Serve a workspace until the process is told to stop (SIGTERM or SIGINT).

    Requests that are being answered come to their end then, for at most ``stop_s`` seconds; workers give
    their jobs back.

    Parameters
    ----------
    root : Layout or path
        An existing workspace.
    host : str
        The address to listen on. Beyond this machine, maps and assets need a login
        unless ``public_data`` says otherwise.
    port : int
        The port, up to 65535; 0 takes a free one.
    announce : callable, optional
        Called with the address, such as ``http://127.0.0.1:8080``, as soon as the server answers there.
    settings, **choices
        See :class:`ServeSettings`.

    Raises
    ------
    InputError
        If there is no such port.
    """
    if not 0 <= port < 2**16:  # asyncio would take the rest of a division by that
        raise InputError(f"There is no port {port}.", "Give one from 1 to 65535, or 0 for a free one.")
    # Behind a proxy a loopback address is open to all, and called by the proxy's name.
    if settings is None and is_loopback(host) and not choices.get("public_url"):
        settings = ServeSettings(hosts=tuple(dict.fromkeys((*LOOPBACK, host))))
    settings = settings or ServeSettings(public_data=False)
    settings = replace(settings, **choices)
    configure_logging()
    app = create_app(root, settings)
    # What stands now stays: looking through it for garbage took a fifth of the time of searches.
    gc.collect()
    gc.freeze()
    config = uvicorn.Config(
        app, host, port, log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=settings.stop_s, timeout_keep_alive=_KEEP_ALIVE_S,
    )  # fmt: skip
    _Server(config, announce or (lambda _: None)).run()


class _Server(uvicorn.Server):
    """Tells its address when it has one."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[str], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets=sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._announce(f"http://{f'[{host}]' if ':' in host else host}:{port}")


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
