"""Texts; no-data stays no-data.

Where case does not matter, texts are compared as Unicode folds them.

Source: openEO processes 2.0, category texts.
"""

from __future__ import annotations

from typing import Any

from eocene.process.allowance import refuse_long
from eocene.process.methods.elementwise import check_scalar, plain
from eocene.process.methods.series import entries_of
from eocene.process.registry import process
from eocene.process.types import Boolean, Flag, OptionalIndex, OptionalText, Scalars, Text, Writable


def _folded(case_sensitive: bool, *texts: str) -> tuple[str, ...]:
    return texts if case_sensitive else tuple(text.casefold() for text in texts)


@process("texts", "comparison")
def text_begins(data: OptionalText, pattern: Text, case_sensitive: Flag = True) -> Boolean:
    """Tell whether a text begins with another.

    Parameters
    ----------
    data
        A text.
    pattern
        What it may begin with; no regular expression.
    case_sensitive
        Whether upper and lower case differ.
    """
    if data is None:
        return None
    text, sought = _folded(case_sensitive, data, pattern)
    return text.startswith(sought)


@process("texts", "comparison")
def text_ends(data: OptionalText, pattern: Text, case_sensitive: Flag = True) -> Boolean:
    """Tell whether a text ends with another.

    Parameters
    ----------
    data
        A text.
    pattern
        What it may end with; no regular expression.
    case_sensitive
        Whether upper and lower case differ.
    """
    if data is None:
        return None
    text, sought = _folded(case_sensitive, data, pattern)
    return text.endswith(sought)


@process("texts", "comparison")
def text_contains(data: OptionalText, pattern: Text, case_sensitive: Flag = True) -> Boolean:
    """Tell whether a text contains another.

    Parameters
    ----------
    data
        A text.
    pattern
        What it may contain; no regular expression.
    case_sensitive
        Whether upper and lower case differ.
    """
    if data is None:
        return None
    text, sought = _folded(case_sensitive, data, pattern)
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
