"""The door to the packages of the extra ``learn``: imported when needed, named when missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from eocene.model import UnavailableError


def import_extra(module: str) -> Any:
    """Import a module of the extra ``learn``.

    Raises
    ------
    UnavailableError
        If its package is not installed; says what to install.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise UnavailableError(
            f"Models need the package {package}, which is not installed.",
            'Install it with: pip install "eocene[learn]"',
        ) from error
