"""Explanations as JSON asks for them: what the REST interface and Python answer alike, within bounds."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.explain.background import count_most
from eocene.learn.explain.batches import AT_ONCE_BYTES, Bounded, refuse_long
from eocene.learn.explain.parts import cut_parts
from eocene.learn.explain.places import read_subject
from eocene.learn.explain.question import list_axes
from eocene.learn.explain.registered import ROUNDS, explain_answer, explain_model
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eocene.curate import Samples
    from eocene.learn.answering import Places
    from eocene.learn.explain.background import Usual
    from eocene.learn.explain.places import Subject
    from eocene.learn.explain.question import Question
    from eocene.learn.predict import Predictor

MOST_S = 30.0
"""Processor seconds that explaining may take, besides those of computing features at places."""
SHUFFLES = 3
"""Of each part, where importance is asked for."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What is to be explained, checked; nothing is read yet.

    Parameters
    ----------
    predictor : Predictor
    question : Question
    subjects : list of Subject or None
        Rows that were sent; None for one without a value.
    places : Places, optional
        Where it was asked for places.
    sent : Samples, optional
        What is usual, as it was sent.
    """

    predictor: Predictor
    question: Question
    subjects: tuple[Subject | None, ...] | None = None
    places: Places | None = None
    sent: Samples | None = None

    @property
    def expected_s(self) -> float:
        """Processor seconds that it is expected to take.

        Raises
        ------
        InputError
            ProcessGraphComplexity, if explaining alone takes more than 30.
        """
        explaining = _time_answer(self.predictor) * self._count_answers()
        if explaining > MOST_S:
            raise refuse_long(MOST_S)
        return explaining + (self.places.expected_s if self.places is not None else 0.0)

    def answer(self, read_usual: Callable[[], Usual | None]) -> dict[str, Any]:
        """Return the explanations, one a row or place and null without data; or the importance of the parts.

        Parameters
        ----------
        read_usual : callable
            Gives samples of the data set that the model was trained on, None if it is not there; asked only
            where nothing was sent.

        Raises
        ------
        InputError
            If nothing is usual, something cannot be explained, or it takes too long.
        """
        usual = None if self.sent is not None else read_usual()
        samples = self.sent if usual is None else usual.samples
        if samples is None:
            raise InputError(
                f"The data set that {self.predictor.name} was trained on is not in the workspace.",
                "Send rows that show what is usual as background.",
                code="InvalidParameterValue",
            )
        told = {"dataset": usual.dataset if usual else None}
        subjects = self._list_subjects()
        model = Bounded(self.predictor, MOST_S)
        if subjects is None:
            importance = explain_model(
                self.predictor, samples, by=self.question.by, rounds=SHUFFLES, seed=self.question.seed,
                pixel_labels=usual.pixels if usual else None, model=model,
            )  # fmt: skip
            return told | {"importance": importance}
        answers = [None if one is None else self._explain(one, samples, model) for one in subjects]
        return told | {"explanations": answers if usual is None else [_withhold_values(a) for a in answers]}

    def _explain(self, one: Subject, samples: Samples, model: Bounded) -> dict[str, Any]:
        return explain_answer(
            self.predictor, one.features, samples, self.question, where=one.where, model=model
        )

    def _list_subjects(self) -> Sequence[Subject | None] | None:
        if self.places is not None:
            return [read_subject(self.places, feature) for feature in self.places.features]
        return self.subjects

    def _count_answers(self) -> int:
        """Return about how often the model is asked."""
        axes = list_axes(self.predictor)
        parts, usual = len(cut_parts(axes, self.question.by)[0]), count_most(axes)
        if self.subjects is None and self.places is None:
            return usual * (1 + SHUFFLES * parts)
        count = len(self.places.features) if self.places is not None else len(self.subjects or ())
        # Orders of the parts; few are changed for another answer, each after a look at all.
        return count * ((2 * ROUNDS + 8) * (parts + 1) + usual)


def _time_answer(predictor: Predictor) -> float:
    """Return the processor seconds that one answer takes, of several at once."""
    sample = predictor.signature.sample
    count = max(1, min(256, AT_ONCE_BYTES // (4 * int(np.prod(sample)))))
    rows = np.zeros((count, *sample), np.float32)
    begun = time.thread_time()
    predictor.estimate_probabilities(rows)
    return (time.thread_time() - begun) / count


def _withhold_values(told: dict[str, Any] | None) -> dict[str, Any] | None:
    """Leave out the values that a sample of a stored data set lends: it is not the caller's to read."""
    if told is not None and told["counterfactual"] is not None:
        told["counterfactual"].pop("changes")
    return told
