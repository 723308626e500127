"""Looking at data while they are computed.

Source: openEO processes 2.0, category development.
"""

from __future__ import annotations

import logging
from textwrap import shorten
from typing import Annotated, Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import InputError
from eocene.process.methods.elementwise import same_times
from eocene.process.methods.series import plain_label
from eocene.process.registry import process
from eocene.process.types import Anything, Text

LOGGER = logging.getLogger("eocene.inspect")
_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
Level = Annotated[str, {"type": "string", "enum": list(_LEVELS)}]
_LENGTH = 2000
_SOME = 5


@process("development", times=same_times)
def inspect(data: Anything, message: Text = "", code: Text = "User", level: Level = "info") -> Anything:
    """Log what the data are and return them unchanged.

    Of a cube with pixels its dimensions, labels and data type are logged, once, when the graph is checked.

    Parameters
    ----------
    data
        What to log.
    message
        Stands before it.
    code
        Helps to find the entry again.
    level
        error, warning, info or debug.
    """
    if level not in _LEVELS:
        raise InputError(
            f"There is no level {level!r}.",
            f"Use one of {', '.join(_LEVELS)}.",
            code="ProcessParameterInvalid",
        )
    # A graph is checked on one pixel; the many windows that are computed later would flood the log.
    if not isinstance(data, Block) or data.grid is None or data.grid.shape == (1, 1):
        text = " ".join(part for part in (message, _describe(data)) if part)
        LOGGER.log(_LEVELS[level], "[%s] %s", code, text, extra={"code": code, "data": _describe(data)})
    return data


def _describe(data: Any) -> str:
    """Return a line about the data."""
    if not isinstance(data, Block):
        return shorten(repr(data), _LENGTH)
    parts = []
    for dim in data.dims:
        labels = data.labels.get(dim, ())
        some = ", ".join(str(plain_label(label)) for label in labels[:_SOME])
        parts.append(
            f"{dim} ({len(labels)}: {some}{', …' if len(labels) > _SOME else ''})" if labels else dim
        )
    values = f", values {np.array2string(data.filled(), threshold=50)}" if data.grid is None else ""
    return shorten(f"cube of {', '.join(parts) or 'no dimensions'}, {data.values.dtype}{values}", _LENGTH)
