"""The folder of a model: which files it has, and what they must be before anything reads them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from eocene.learn.onnx_check import MAX_BYTES
from eocene.model import DamageError

if TYPE_CHECKING:
    from pathlib import Path

ITEM, MODEL, REPORT, CARD = "item.json", "model.onnx", "report.json", "card.md"
PICTURE, PAGE, TENSORS = "confusion.svg", "report.html", "model.safetensors"
FILES = frozenset({ITEM, MODEL, REPORT, CARD})
ALLOWED = FILES | {PICTURE, PAGE, TENSORS}
_MAX_ITEM_BYTES = 16 * 2**20


def check_files(folder: Path) -> None:
    """Refuse a folder that lacks a file, holds another, or where one is no plain file or too large."""
    found = {p.name for p in folder.iterdir()}
    foreign, missing = sorted(found - ALLOWED), sorted(FILES - found)
    if foreign or missing:
        what = f"holds {', '.join(foreign)}, which no model has" if foreign else f"lacks {', '.join(missing)}"
        raise DamageError(f"The folder of model {folder.name} {what}.", "Delete it and register again.")
    for path in folder.iterdir():
        if path.is_symlink() or not path.is_file():
            raise DamageError(f"{path.name} of model {folder.name} is no plain file.", "Delete the model.")
        if path.stat().st_size > MAX_BYTES:
            raise DamageError(
                f"The file {path.name} of model {folder.name} is larger than {MAX_BYTES} bytes.",
                "Train a smaller model: fewer trees, or larger leaves.",
            )


def read_bytes(path: Path, item: dict[str, Any]) -> bytes:
    """Return a file whose size and SHA-256 the item tells.

    Raises
    ------
    DamageError
        If the item does not tell them, or they are others.
    """
    data = path.read_bytes()
    told = [
        a
        for a in item.get("assets", {}).values()
        if isinstance(a, dict) and a.get("href") == f"./{path.name}"
    ]
    promised = (told[0].get("file:size"), told[0].get("file:checksum")) if told else (None, None)
    if promised != (len(data), "1220" + hashlib.sha256(data).hexdigest()):
        raise DamageError(
            f"The file {path.name} of model {path.parent.name} is truncated or was changed.",
            "Delete the model and register it again.",
        )
    return data


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object of a model's folder.

    Raises
    ------
    DamageError
        If there is no such file, or it is a link, larger than 16 MiB, or no JSON object.
    """
    try:
        if path.is_symlink() or path.stat().st_size > _MAX_ITEM_BYTES:
            raise ValueError("it is a link or too large")
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise TypeError("it is no JSON object")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DamageError(
            f"{path.name} of model {path.parent.name} cannot be read: {error}.",
            "Delete the model and register it again.",
        ) from error
    return value
