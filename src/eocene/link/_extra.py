"""Says what to install where this room's extra is missing; imported before the others."""

from __future__ import annotations

from importlib.util import find_spec

from eocene.model import UnavailableError


def require_pyoxigraph() -> None:
    """Raise UnavailableError unless pyoxigraph is installed."""
    if find_spec("pyoxigraph") is None:
        raise UnavailableError(
            "Linked data needs the package pyoxigraph, which is not installed.",
            'Run: pip install "eocene[link]"',
        )


require_pyoxigraph()
