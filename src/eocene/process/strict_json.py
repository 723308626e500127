"""JSON that a stranger wrote: bounded, each key once, no numbers and texts that JSON has not."""

from __future__ import annotations

import json
import math
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 16 * 2**20
MAX_VALUES = 300_000
"""Values in one text or graph: a polygon of 100,000 corners, a hundred times what is usual."""
MAX_DEPTH = 64
"""Objects and lists inside each other; a callback in a callback is four levels deeper."""

_LESS = "Send less, for instance simpler geometries."
_PLAIN = "Use numbers, texts, booleans, None, lists and dicts; hand anything else in as a parameter."


def read_json(text: str | bytes, subject: str = "The JSON", *, code: str | None = None) -> Any:
    """Return what a JSON text holds.

    It takes time and memory in proportion to :data:`MAX_BYTES` at most, whatever the text is.

    Parameters
    ----------
    text : str or bytes
        UTF-8 if it is bytes.
    subject : str
        What error messages call the text.
    code : str, optional
        The openEO code of the errors; ProcessGraphInvalid or ProcessGraphComplexity by default.

    Raises
    ------
    InputError
        If it is not JSON (with line and column), too large, nested too deeply, names a key twice in one
        object, or holds NaN, an infinite number or half a character.
    """
    _check_size(text, subject, code)
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8-sig")
        value = json.loads(
            decoded,
            object_pairs_hook=_make_object,
            parse_constant=_refuse_constant,
            parse_float=_make_float,
        )
        if "\\ud" in decoded.lower():  # as an escape, half a character can be written
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except json.JSONDecodeError as error:
        reason = f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 at byte {error.start}"
    except UnicodeEncodeError:
        reason = "holds half a character, a lone surrogate"
    except _NotStrictError as error:
        reason = str(error)
    except ValueError:  # Python reads integers of 4,300 digits at most
        reason = "holds a number of too many digits"
    except RecursionError as error:
        raise _too_complex(subject, "is nested too deeply", "Flatten it.", code) from error
    raise InputError(f"{subject} {reason}.", "Write JSON as RFC 8259 has it, in UTF-8.", code=code)


def read_json_file(path: Path, subject: str) -> Any:
    """Return what a JSON file holds; raises InputError as :func:`read_json` does, or if it can't be read."""
    try:
        if path.exists() and not path.is_file():  # a pipe or a device may never end
            raise InputError(f"{subject} cannot be read: it is not a file.", "Check the path.")
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file has such a name"
        raise InputError(f"{subject} cannot be read: {reason}.", "Check the path.") from error
    return read_json(text, subject)


class _NotStrictError(ValueError):
    """Something that Python's reader takes and JSON does not have."""


def _too_complex(subject: str, how: str, remedy: str, code: str | None = None) -> InputError:
    return InputError(f"{subject} {how}.", remedy, code=code or "ProcessGraphComplexity")


def _check_size(text: str | bytes, subject: str, code: str | None) -> None:
    """Refuse too many values before they are made: there is at most one to a comma or opening bracket."""
    marks: tuple[Any, ...] = (",", "[", "{") if isinstance(text, str) else (b",", b"[", b"{")
    if len(text) > MAX_BYTES:
        raise _too_complex(subject, f"is longer than {MAX_BYTES >> 20} MiB", _LESS, code)
    if sum(map(text.count, marks)) > MAX_VALUES:
        raise _too_complex(subject, f"holds more than {MAX_VALUES:,} values", _LESS, code)


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise _NotStrictError(f"has the key {quote(twice)} twice in one object")
    return found


def _make_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _NotStrictError(f"holds {digits[:20]}, beyond 1.8e308")
    return number


def _refuse_constant(name: str) -> None:
    raise _NotStrictError(f"holds {name}, which JSON has not")


def copy_plain(value: Any, subject: str) -> Any:
    """Return a copy of what would be JSON: dicts, lists, texts, finite numbers, booleans, None.

    Tuples become lists, and numpy's scalars Python's. The copy is made level by level: neither depth nor
    width can exhaust anything. A container that holds itself has no end of levels, and one that stands
    in several places counts as often, so that both run into the bounds.

    Raises
    ------
    InputError
        Naming the key of the outermost dict under which the fault lies.
    """
    copying = _Copying(subject)
    whole = copying.take(value, "", 0)
    while copying.pending:
        copying.fill(*copying.pending.popleft())
    return whole


class _Copying:
    """What is still to be copied, and how much there was."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.pending: deque[tuple[Any, Any, str, int]] = deque()
        self._values = 0
        self._characters = 0

    def fill(self, raw: Any, copy: Any, place: str, depth: int) -> None:
        """Copy the entries of a container."""
        if isinstance(raw, dict):
            for key, value in raw.items():
                name = self._take_key(key, place)
                copy[name] = self.take(value, place or f" in {quote(name)}", depth)
        else:
            copy.extend([self.take(value, place, depth) for value in raw])

    def take(self, value: Any, place: str, depth: int) -> Any:
        """Return the copy of a value; that of a container is filled later."""
        if isinstance(value, dict | list | tuple):
            return self._open(value, place, depth)
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._take_number(value, place)
        if isinstance(value, str):
            return self._take_text(value, place)
        raise self._refuse(f"holds a {type(value).__name__}{place}, which JSON has not", _PLAIN)

    def _open(self, value: Any, place: str, depth: int) -> Any:
        self._values += len(value)
        if depth >= MAX_DEPTH:
            raise _too_complex(self.subject, f"is nested deeper than {MAX_DEPTH}{place}", "Flatten it.")
        if self._values > MAX_VALUES:
            raise _too_complex(self.subject, f"holds more than {MAX_VALUES:,} values", _LESS)
        copy: Any = {} if isinstance(value, dict) else []
        if value:
            self.pending.append((value, copy, place, depth + 1))
        return copy

    def _take_key(self, key: Any, place: str) -> str:
        if not isinstance(key, str):
            raise self._refuse(f"has a key{place} that is a {type(key).__name__}, not a text", _PLAIN)
        return self._take_text(key, place)

    def _take_text(self, text: str, place: str) -> str:
        self._characters += len(text)
        if self._characters > MAX_BYTES:
            raise _too_complex(self.subject, f"holds more than {MAX_BYTES:,} characters", _LESS)
        if "\0" in text or not (text.isascii() or _is_unicode(text)):
            raise self._refuse(
                f"holds the text {quote(text)}{place}, with a null character or half of one",
                "Send whole characters, without U+0000 and lone surrogates.",
            )
        return str(text)

    def _take_number(self, value: float, place: str) -> float:
        """Return the number; integers beyond 64 bits become floats, as in most readers of JSON."""
        if isinstance(value, int) and abs(value) < 2**64:
            return int(value)
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
        raise self._refuse(
            f"holds a number{place} that JSON has not: NaN, infinite or beyond 1.8e308",
            "Use the process nan, or hand the number in as a parameter.",
        )

    def _refuse(self, how: str, remedy: str) -> InputError:
        return InputError(f"{self.subject} {how}.", remedy)


def quote(text: str) -> str:
    """Return a text in quotes for a message, cut if it is long."""
    return repr(text if len(text) <= 80 else f"{text[:60]}…{text[-10:]}")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
