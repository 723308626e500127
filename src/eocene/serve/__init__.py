"""HTTP: openEO, STAC, tiles, series, SPARQL and the page."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from eocene.model import UnavailableError

if TYPE_CHECKING:
    from eocene.serve.app import create_app
    from eocene.serve.server import serve

__all__ = ["create_app", "serve"]

_HOMES = {"create_app": "eocene.serve.app", "serve": "eocene.serve.server"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("eocene"):
            raise
        raise UnavailableError(
            f"The server needs {error.name}, which is not installed.", "Run: pip install 'eocene[serve]'"
        ) from error
