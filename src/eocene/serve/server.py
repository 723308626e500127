"""The server process."""

from __future__ import annotations

import gc
import ipaddress
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from eocene.model import Layout
from eocene.serve.app import create_app
from eocene.serve.settings import ServeSettings

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def serve(
    root: Layout | Path | str,
    host: str = "127.0.0.1",
    port: int = 8080,
    settings: ServeSettings | None = None,
    **choices: Any,
) -> None:
    """Serve a workspace until the process is told to stop.

    Parameters
    ----------
    root : Layout or path
        An existing workspace.
    host : str
        The address to listen on. Beyond this machine, maps and assets need a login
        unless ``public_data`` says otherwise.
    port : int
        The port; 0 takes a free one.
    settings, **choices
        See :class:`ServeSettings`.
    """
    if settings is None and is_loopback(host):
        settings = ServeSettings(hosts=LOOPBACK)
    settings = settings or ServeSettings(public_data=False)
    app = create_app(root, replace(settings, **choices))
    # What stands now stays: looking through it for garbage took a fifth of the time of searches.
    gc.collect()
    gc.freeze()
    config = uvicorn.Config(
        app, host, port, log_level="warning", server_header=False, timeout_graceful_shutdown=5
    )
    uvicorn.Server(config).run()


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
