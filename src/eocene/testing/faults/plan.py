"""Which requests fail, and how."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Kind = Literal[
    "reset", "truncate", "stall", "drip", "status", "wrong bytes", "no ranges", "wrong range", "redirect",
    "no answer", "replaced", "packed", "endless", "many headers", "slow headers",
]  # fmt: skip
"""What may go wrong.

``reset`` cuts the connection after a part of the body, ``truncate`` closes it in good order, ``stall`` sends
nothing more, ``drip`` a byte at a time; ``status`` answers with an error; ``wrong bytes`` flips one;
``no ranges`` sends all of the object, ``wrong range`` another part; ``redirect`` sends elsewhere; ``no
answer`` closes before the first byte; ``replaced`` tells another entity tag and looks at no condition;
``packed`` compresses unasked; ``endless`` never ends and tells no length; ``many headers`` sends a megabyte
of them, ``slow headers`` one a byte at a time.
"""


@dataclass(frozen=True)
class Fault:
    """One way to fail.

    Parameters
    ----------
    kind : str
        See :data:`Kind`.
    status : int
        For ``status`` and ``redirect``.
    headers : mapping
        Sent along, such as ``Retry-After`` or ``Location``.
    after : float
        The part of the body that is still sent, from 0 to 1, for those that stop on the way.
    seconds : float
        How long ``stall`` is silent, and ``drip`` and ``slow headers`` between two bytes.
    """

    kind: Kind
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    after: float = 0.5
    seconds: float = 5.0


class Faults:
    """Decides request by request; thread-safe.

    Parameters
    ----------
    first : iterable of Fault
        One for each of the first requests of a path.
    always : Fault, optional
        For every request after those.
    rate : float
        The share of further requests that fail in a way drawn from ``drawn``.
    drawn : iterable of Fault
        Ways to fail at random.
    seed : int
        Of the drawing.
    """

    def __init__(
        self,
        first: Iterable[Fault] = (),
        *,
        always: Fault | None = None,
        rate: float = 0.0,
        drawn: Iterable[Fault] = (),
        seed: int = 0,
    ) -> None:
        self._first, self._always = tuple(first), always
        self._rate, self._drawn = rate, tuple(drawn)
        self._random, self._lock = random.Random(seed), threading.Lock()  # noqa: S311 (no secret)
        self._times: Counter[str] = Counter()

    def choose(self, path: str) -> Fault | None:
        """Return how the next request of a path fails, None if it does not."""
        with self._lock:
            number = self._times[path]
            self._times[path] += 1
            if number < len(self._first):
                return self._first[number]
            if self._drawn and self._random.random() < self._rate:
                return self._random.choice(self._drawn)
            return self._always
