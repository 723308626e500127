"""pytest plug-in: the schemas of STAC come from the copies on this machine, so that no network is needed."""

from __future__ import annotations

import io
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import requests
from tests.serve.stac_offline import EXTENSIONS, PLACES, OnDisk, answer

HOSTS = (*PLACES, EXTENSIONS)


def pytest_configure() -> None:
    """Let requests, and urllib, which jsonschema follows references with, read schemas from the disk."""
    mount, fetch = requests.Session.__init__, urllib.request.urlopen

    def start(session: requests.Session, *arguments: Any, **options: Any) -> None:
        mount(session, *arguments, **options)
        for host in HOSTS:
            session.mount(f"https://{host}/", OnDisk())

    def read(asked: Any, *arguments: Any, **options: Any) -> Any:
        url = getattr(asked, "full_url", asked)
        is_schema = urlsplit(url).hostname in HOSTS
        return io.BytesIO(answer(url).encode()) if is_schema else fetch(asked, *arguments, **options)

    requests.Session.__init__ = start  # type: ignore[method-assign]
    urllib.request.urlopen = read
