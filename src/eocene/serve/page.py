"""The page: the built files if they are there, else a page that says how to build them."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from eocene.serve.byte_ranges import RangedFile
from eocene.serve.errors import refuse_method

router = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).with_name("page")
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; "
    "connect-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
)
HEADERS = {"Content-Security-Policy": _POLICY}
_UNBUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Eocene</title>
<style>body{font:1rem/1.6 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}
code{background:#8882;padding:.1rem .3rem;border-radius:.2rem}</style>
<h1>Eocene</h1>
<p>The server runs. The map page has not been built here; run <code>make web</code> in the source tree
and load this address again.</p>
<ul><li><a href="docs">All addresses of the API</a></li>
<li><a href="openeo/1.2/">openEO</a></li><li><a href="stac/">STAC</a></li>
<li><a href="layers">Layers</a></li><li><a href="health">Health</a></li></ul></html>
"""


@router.get("/")
def show_page() -> Response:
    """Return the page."""
    index = FOLDER / "index.html"
    if index.is_file():
        return RangedFile(index, headers=HEADERS | {"Cache-Control": "no-cache"})
    return HTMLResponse(_UNBUILT, headers=HEADERS)


@router.get("/{name:path}")
def send_file(name: str, request: Request) -> Response:
    """Return a file of the page; this route stands last, so all other addresses end here too."""
    refuse_method(request)
    path = (FOLDER / name).resolve() if "\x00" not in name else FOLDER
    if not path.is_relative_to(FOLDER.resolve()) or not path.is_file():
        raise HTTPException(404)
    # The build puts a hash of the content into the names under assets.
    age = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return RangedFile(path, media_type=kind, headers=HEADERS | {"Cache-Control": age})
