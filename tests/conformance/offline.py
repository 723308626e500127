"""pytest plug-in: the schemas of STAC come from the copies on this machine, so that no network is needed."""

from __future__ import annotations

from typing import Any

import requests
from tests.serve.stac_offline import EXTENSIONS, PLACES, OnDisk


def pytest_configure() -> None:
    """Let every session of requests that is made from now on read schemas from the disk."""
    mount = requests.Session.__init__

    def start(session: requests.Session, *arguments: Any, **options: Any) -> None:
        mount(session, *arguments, **options)
        for host in (*PLACES, EXTENSIONS):
            session.mount(f"https://{host}/", OnDisk())

    requests.Session.__init__ = start  # type: ignore[method-assign]
