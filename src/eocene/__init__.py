"""Eocene: from satellite archives to answers.

>>> import eocene as eo
>>> ws = eo.open("my-workspace")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene._version import __version__

if TYPE_CHECKING:
    from eocene.model import EoceneError
    from eocene.workspace import Workspace, estimate, explain, open, run  # noqa: A004

__all__ = ["EoceneError", "Workspace", "__version__", "estimate", "explain", "open", "run"]


def __getattr__(name: str) -> Any:
    """Load the public names when they are first used, so that the import costs little."""
    from importlib import import_module

    if name == "EoceneError":
        return import_module("eocene.model").EoceneError
    if name in __all__:
        return getattr(import_module("eocene.workspace"), name)
    raise AttributeError(f"module 'eocene' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
