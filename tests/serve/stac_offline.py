"""Runs stac-api-validator with the schemas that lie on this machine: ``python stac_offline.py ARGUMENTS``.

The validator fetches JSON schemas. Those of STAC and GeoJSON are answered from pystac's copies. There are no
copies of the extensions' schemas: each is answered by one that allows everything and is named on stderr, so
that a test can say what was not looked at. Everything else goes to the server under test.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pystac
import pystac.validation
import requests
from pystac.stac_io import DefaultStacIO
from requests.adapters import BaseAdapter

SCHEMAS = Path(pystac.validation.__file__).with_name("jsonschemas")
PLACES = {"schemas.stacspec.org": "stac-spec/v1.1.0", "geojson.org": "geojson"}
EXTENSIONS = "stac-extensions.github.io"
UNSEEN = "not validated: "


def find_schema(url: str) -> bytes | None:
    """Return the schema at an address, or None where pystac has no copy."""
    parts = urlsplit(url)
    if parts.hostname not in PLACES:
        return None
    folder, name = SCHEMAS / PLACES[parts.hostname], Path(parts.path).name
    is_older = parts.hostname == "schemas.stacspec.org" and "/v1.1.0/" not in parts.path
    return None if is_older or not (folder / name).is_file() else (folder / name).read_bytes()


def answer(url: str) -> str:
    """Return the schema at an address as text; one that allows everything where there is no copy."""
    schema = find_schema(url)
    if schema is None:
        print(UNSEEN + url, file=sys.stderr)
        return json.dumps({"$schema": "http://json-schema.org/draft-07/schema#", "$id": url})
    return schema.decode()


class OnDisk(BaseAdapter):
    """Answers requests for schemas."""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.url, response.request = 200, str(request.url), request
        response.headers["content-type"] = "application/json"
        response.raw = io.BytesIO(answer(str(request.url)).encode())
        return response

    def close(self) -> None:
        """Nothing is open."""


class OnDiskIO(DefaultStacIO):
    """Answers pystac, which the validator asks in the end, in the same way."""

    def read_text_from_href(self, href: str) -> str:
        """Return what is at an address."""
        is_schema = urlsplit(href).hostname in (*PLACES, EXTENSIONS)
        return answer(href) if is_schema else super().read_text_from_href(href)


def main() -> None:
    """Run the validator."""
    from stac_api_validator.__main__ import main as validate

    pystac.StacIO.set_default(OnDiskIO)
    mount = requests.Session.__init__

    def start(session: requests.Session, *arguments: Any, **options: Any) -> None:
        mount(session, *arguments, **options)
        for host in (*PLACES, EXTENSIONS):
            session.mount(f"https://{host}/", OnDisk())
            session.mount(f"http://{host}/", OnDisk())

    requests.Session.__init__ = start  # type: ignore[method-assign]
    validate(prog_name="stac-api-validator")


if __name__ == "__main__":
    main()
