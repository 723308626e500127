"""Explanations as JSON asks for them, read and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.answering import plan_places, read_rows
from eocene.learn.explain.asked import Asked
from eocene.learn.explain.goals import read_past
from eocene.learn.explain.places import Subject
from eocene.learn.explain.question import Question, find_class, list_axes, make_samples
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from eocene.learn.predict import Predictor

MOST_SUBJECTS, MOST_BACKGROUND = 20, 1000
"""Rows or places that are explained at once, and rows that may be sent to show what is usual."""
_FIELDS = ("rows", "geometry", "time", "by", "class", "wanted", "pixels", "background", "seed")
_OF_ANSWERS = ("time", "class", "wanted", "pixels", "background")


def plan_explanation(
    predictor: Predictor, body: Mapping[str, Any], plan_graph: Callable[[dict[str, Any]], Any]
) -> Asked:
    """Return what a JSON object asks a model to explain, checked.

    Parameters
    ----------
    predictor : Predictor
    body : mapping
        ``rows``, or ``geometry`` and ``time``, as of a prediction; without either it is asked what the model
        rests on. ``by``, ``class``, ``wanted`` and ``seed`` are those of ``Question``. ``pixels`` selects
        pixels of the rows of a model that answers for each: a list of 0 or 1 for each row of a chip, for
        each of the rows. ``background`` are rows that show what is usual.
    plan_graph : callable
        Makes a plan of a graph, as the caller may run it.

    Raises
    ------
    InputError
        If a name is unknown, a value is of the wrong kind, or it is too much.
    """
    _check_names(body)
    question = _read_question(predictor, body)
    sent = None
    if "background" in body:
        table = read_rows(predictor, body["background"], MOST_BACKGROUND, "background")
        if not len(table):
            raise _wrong("background has no row.", "Send some that show what is usual, or leave it out.")
        sent = make_samples(predictor, table)
    if "geometry" in body:
        places = plan_places(predictor, body["geometry"], body.get("time"), plan_graph)
        if len(places.features) > MOST_SUBJECTS:
            raise _wrong(f"There are {len(places.features)} places.", f"Give 1 to {MOST_SUBJECTS}.")
        return Asked(predictor, question, None, places, sent)
    if "rows" in body:
        return Asked(predictor, question, _read_subjects(predictor, body), None, sent)
    return Asked(predictor, question)


def _check_names(body: Mapping[str, Any]) -> None:
    unknown = [str(name)[:80] for name in body if name not in _FIELDS]
    if unknown:
        raise _wrong(f"The body has {unknown[0]!r}.", f"It may have {', '.join(_FIELDS)}.")
    if "rows" in body and "geometry" in body:
        raise _wrong("The body has both rows and geometry.", "Send one of them, or none for the importance.")
    if "rows" not in body and "geometry" not in body:
        named = [name for name in _OF_ANSWERS if name in body]
        if named:
            raise _wrong(f"{named[0]} is of an answer.", "Send rows or geometry, too, or only by and seed.")
    for name, other in (("time", "geometry"), ("pixels", "rows")):
        if name in body and other not in body:
            raise _wrong(f"{name} is there without {other}.", f"Send it with {other} only.")


def _read_question(predictor: Predictor, body: Mapping[str, Any]) -> Question:
    by, seed = body.get("by"), body.get("seed", 0)
    if by is not None:
        axes = list_axes(predictor)
        if not isinstance(by, str) or by not in axes:
            raise _wrong(f"by is {str(by)[:80]!r}.", f"Name one of {', '.join(axes)}, or leave it out.")
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise _wrong("seed is no whole number from 0 to 4294967295.", "Give one, or leave it out.")
    for name in ("class", "wanted"):
        told = body.get(name)
        if told is not None and (isinstance(told, bool) or not isinstance(told, int | str)):
            raise _wrong(f"{name} is neither a class nor a text.", "Give the value or name of a class.")
    question = Question(by, body.get("class"), body.get("wanted"), seed)
    if question.of is not None:
        find_class(predictor, question.of)
    if question.wanted is not None and predictor.signature.is_regression:
        read_past(str(question.wanted), 0.0)
    elif question.wanted is not None:
        find_class(predictor, question.wanted)
    return question


def _read_subjects(predictor: Predictor, body: Mapping[str, Any]) -> tuple[Subject | None, ...]:
    table = read_rows(predictor, body["rows"], MOST_SUBJECTS)
    masks: Any = [None] * len(table)
    if body.get("pixels") is not None:
        if not predictor.signature.dense:
            raise _wrong(f"{predictor.name} does not answer per pixel.", "Leave pixels out.")
        masks = body["pixels"]
        if not isinstance(masks, list) or len(masks) != len(table):
            raise _wrong("pixels is no list as long as rows.", "Give a mask of the chip for each row.")
        masks = [_read_mask(predictor, mask, number) for number, mask in enumerate(masks)]
    return tuple(
        Subject(row, mask) if np.isfinite(row).any() else None for row, mask in zip(table, masks, strict=True)
    )


def _read_mask(predictor: Predictor, mask: Any, number: int) -> NDArray[np.bool_]:
    rows, cols = predictor.signature.chip or (1, 1)
    lines = mask if isinstance(mask, list) and all(isinstance(line, list) for line in mask) else []
    flags = [flag for line in lines for flag in line]
    if [len(line) for line in lines] != [cols] * rows or not all(flag in (0, 1) for flag in flags):
        raise _wrong(
            f"The pixels of row {number} are no {rows} lists of {cols} numbers 0 or 1.",
            "Give 1 for the pixels whose mean is to be explained.",
        )
    if not any(flags):
        raise _wrong(f"The pixels of row {number} select none.", "Select at least one.")
    return np.array(lines, dtype=np.bool_)


def _wrong(message: str, remedy: str) -> InputError:
    return InputError(message, remedy, code="InvalidParameterValue")
