"""What a process in the sandbox says, in words for the user: lines of the log, errors, how it has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eocene.process.udf.limits import UdfError

Tell = Callable[[str, str, str], None]
"""Is told (level, text, code) of a line for the log."""
_LONGEST, _LONGEST_NAME = 4000, 200
_SIGNALS = {4: "an illegal instruction", 6: "abort", 7: "a bus error", 8: "an arithmetic fault",
            9: "kill", 11: "a segmentation fault", 31: "a forbidden system call"}  # fmt: skip


def pass_on(tell: Tell, message: dict[str, Any]) -> None:
    """Hand on a line for the log; whoever wrote it may have written anything."""
    level = message["log"] if message["log"] in ("info", "warning", "error") else "info"
    tell(level, _clean(message.get("text")), _clean(message.get("code"), _LONGEST_NAME) or "User")


def explain_error(error: Any) -> UdfError:
    """Return the code's own error, with its line."""
    told = error if isinstance(error, dict) else {}
    kind, text = (_clean(told.get(k), _LONGEST_NAME) for k in ("type", "text"))
    message, line = _clean(told.get("message")), told.get("line")
    line = line if isinstance(line, int) and 0 <= line < 2**31 else 0
    where = f" in line {line}" + (f" ({text!r})" if text else "") if line else ""
    if kind == "MemoryError":
        message = message or "more memory than the code may take"
    return UdfError(f"The code failed{where}: {kind}: {message}.", "Mend the code.", line=line)


def _clean(text: Any, most: int = _LONGEST) -> str:
    """Return text that can be written anywhere: short, and of characters that can be seen."""
    shown = text[:most] if isinstance(text, str) else ""
    return (
        shown
        if shown.isprintable()
        else "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in shown)
    )


def explain_status(status: int | None) -> UdfError:
    """Return the error of a process that has ended in a call, by its status; from 128 it is a signal."""
    number = -status if status is not None and status < 0 else (status or 0) - 128
    how = _SIGNALS.get(number, f"status {status}")
    return UdfError(
        f"The process of the code ended in the middle of a call: {how}.",
        "Look for code that exits, crashes in a library, or takes too much memory.",
    )
