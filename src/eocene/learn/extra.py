"""The door to the packages of the extras ``learn``, ``torch`` and ``embed``: imported when needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from eocene.model import UnavailableError

_EXTRAS = dict.fromkeys(("torch", "safetensors", "optuna", "onnxscript"), "torch") | {"faiss": "embed"}


def import_extra(module: str) -> Any:
    """Import a module of an extra.

    Raises
    ------
    UnavailableError
        If its package is not installed; says what to install.
    """
    try:
        return import_module(module)
    except (ModuleNotFoundError, OSError) as error:  # OSError: a library of the system is missing
        package = module.partition(".")[0]
        extra = _EXTRAS.get(package, "learn")
        raise UnavailableError(
            f"Models need the package {package}, which cannot be loaded: {error}.",
            f'Install it with: pip install "eocene[{extra}]"',
        ) from error
