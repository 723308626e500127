"""Texts; no-data stays no-data.

Where case does not matter, texts are compared as Unicode folds them.

Source: openEO processes 2.0, category texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.process.allowance import refuse_long
from eocene.process.methods.elementwise import check_scalar, plain
from eocene.process.methods.series import entries_of
from eocene.process.registry import process
from eocene.process.types import Boolean, Flag, OptionalIndex, OptionalText, Scalars, Text, Writable

if TYPE_CHECKING:
    from collections.abc import Callable

    Test = Callable[[str, str], bool]


def _tell(test: Test) -> Test:
    """Register a test of a text and what is sought in it, under its name and with its words."""

    def compute(data: OptionalText, pattern: Text, case_sensitive: Flag = True) -> Boolean:
        if data is None:
            return None
        return test(data, pattern) if case_sensitive else test(data.casefold(), pattern.casefold())

    compute.__name__, compute.__module__ = test.__name__, test.__module__
    compute.__doc__ = f"""{test.__doc__}

Parameters
----------
data
    A text.
pattern
    What is sought; no regular expression.
case_sensitive
    Whether upper and lower case differ.
"""
    process("texts", "comparison")(compute)
    return test


@_tell
def text_begins(text: str, sought: str) -> bool:
    """Tell whether a text begins with another."""
    return text.startswith(sought)


@_tell
def text_ends(text: str, sought: str) -> bool:
    """Tell whether a text ends with another."""
    return text.endswith(sought)


@_tell
def text_contains(text: str, sought: str) -> bool:
    """Tell whether a text contains another."""
    return sought in text


@process("texts", experimental=True)
def text_find(data: OptionalText, pattern: Text, case_sensitive: Flag = True) -> OptionalIndex:
    """Return where in a text another begins first, counted from 0; no-data if nowhere.

    Parameters
    ----------
    data
        A text.
    pattern
        What to find; no regular expression.
    case_sensitive
        Whether upper and lower case differ.
    """
    if data is None:
        return None
    if case_sensitive:
        place = data.find(pattern)
        return None if place < 0 else place
    # A folded text may be longer ("ß" is "ss"), so that its positions are not those of the text.
    sought = pattern.casefold()
    return next((i for i in range(len(data) + 1) if data[i:].casefold().startswith(sought)), None)


@process("texts")
def text_concat(data: Scalars, separator: Writable = "") -> Text:
    """Join values to a text.

    Parameters
    ----------
    data
        Texts, numbers, booleans or nulls.
    separator
        Stands between each two of them.
    """
    parts, between = [_write(entry) for entry in entries_of(data)], _write(separator)
    refuse_long(sum(map(len, parts)) + len(parts) * len(between), "text")
    return between.join(parts)


def _write(value: Any) -> str:
    """Return a value as JSON writes it, a text without quotes."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(plain(check_scalar(value)))
