"""What a changed sample is wanted to be answered with: a class, or a value past another."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.curate import Samples

    _Flags = NDArray[np.bool_]


_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_PAST = re.compile(rf"\s*(?:([<>])\s*([+-]?{_NUMBER})|([+-]{_NUMBER}))\s*", re.ASCII)


class Goal(Protocol):
    """What is wanted of (n, k) answers."""

    def reaches(self, answers: NDArray[np.float64]) -> _Flags:
        """Tell which answers (n,) are as wanted."""

    def is_reached(self, answer: NDArray[np.float64]) -> bool:
        """Tell whether a single one, (1, k), is."""

    def rate(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how near each comes, (n,); more is nearer."""

    def tell(self, answer: NDArray[np.float64]) -> float:
        """Return the number of an answer (k,) that this is about."""

    def is_truth(self, samples: Samples) -> _Flags:
        """Tell which samples (n,) are truly so."""


@dataclass(frozen=True)
class Past:
    """A value that the answer of a regression has to get past.

    Parameters
    ----------
    value : float
        In the unit of the answer; to reach it is not enough.
    above : bool
        Whether the answer must be larger, or smaller.

    Examples
    --------
    >>> str(Past(2.5)), str(Past(-1.0, above=False))
    ('a value above 2.5', 'a value below -1')
    """

    value: float
    above: bool = True

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise InputError(f"{self.value} is no value to get past.", "Give a finite number.")

    def __str__(self) -> str:
        return f"a value {'above' if self.above else 'below'} {self.value:g}"

    def reaches(self, answers: NDArray[np.float64]) -> _Flags:
        """Tell which answers (n, 1) lie past the value."""
        return self._is_past(answers[:, 0])

    def is_reached(self, answer: NDArray[np.float64]) -> bool:
        """Tell whether a single one, (1, 1), does."""
        return bool(self.reaches(answer)[0])

    def rate(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far each lies on the side that is wanted."""
        return answers[:, 0] if self.above else -answers[:, 0]

    def tell(self, answer: NDArray[np.float64]) -> float:
        """Return the value of an answer (1,)."""
        return float(answer[0])

    def is_truth(self, samples: Samples) -> _Flags:
        """Tell of which samples the target lies past the value; of all where there are no targets."""
        targets = samples.columns.get("target")
        if targets is None:
            return np.ones(len(samples), dtype=np.bool_)
        return self._is_past(np.asarray(targets, dtype=np.float64))

    def _is_past(self, values: NDArray[Any]) -> _Flags:
        past: _Flags = values > self.value if self.above else values < self.value
        return past


@dataclass(frozen=True)
class _Class:
    value: int
    column: int

    def __str__(self) -> str:
        return f"class {self.value}"

    def reaches(self, answers: NDArray[np.float64]) -> _Flags:
        best: _Flags = answers.argmax(axis=1) == self.column
        return best

    def is_reached(self, answer: NDArray[np.float64]) -> bool:
        return bool(self.reaches(answer)[0])

    def rate(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        return answers[:, self.column]

    def tell(self, answer: NDArray[np.float64]) -> float:
        return float(answer[self.column])

    def is_truth(self, samples: Samples) -> _Flags:
        labelled: _Flags = samples.labels == self.value
        return labelled


def choose_goal(wanted: int | Past, classes: Sequence[int]) -> Goal:
    """Return what is wanted of a model with these classes, none of which a regression has.

    Raises
    ------
    InputError
        If the class is unknown, or a class is wanted of values, or a value of classes.
    """
    if isinstance(wanted, Past) != (not len(classes)):
        raise InputError(
            f"The model gives {'classes' if len(classes) else 'values'}, {wanted} is none.",
            f"Name one of {list(classes)}." if len(classes) else "Give a value to get past.",
        )
    if isinstance(wanted, Past):
        return wanted
    if wanted not in classes:
        raise InputError(f"The model knows no class {wanted}.", f"Its classes are {list(classes)}.")
    return _Class(wanted, list(classes).index(wanted))


def read_past(told: str, now: float) -> Past:
    """Return the value to get past of a text: ``>3.5``, ``<2``, or an amount from now on, ``+0.5``, ``-1``.

    Raises
    ------
    InputError
        If it is none of these.
    """
    match = _PAST.fullmatch(told)
    if match is None:
        raise InputError(
            f"{told[:80]!r} is no value to get past.",
            "Write >3.5 or <2, or the amount by which it shall change, +0.5 or -0.5.",
            code="InvalidParameterValue",
        )
    side, value, amount = match.groups()
    if side:
        return Past(float(value), above=side == ">")
    return Past(now + float(amount), above=float(amount) > 0)
