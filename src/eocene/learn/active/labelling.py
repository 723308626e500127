"""A labelling: a person is asked what the model doubts, and the model learns from the answers, in turn.

Its state is the book of labels and nothing else: one that was cut off goes on where it was.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.active.choice import choose_first, choose_samples, choose_unlike, scale_vectors
from eocene.learn.active.pool import admit_round
from eocene.learn.active.showing import Showing
from eocene.learn.active.terms import Kept
from eocene.learn.evaluation.baselines import make_rows
from eocene.learn.score import count_confusion, score_confusion
from eocene.learn.spec import ModelSpec
from eocene.learn.train import train
from eocene.model import EoceneError, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate import Samples

HOLD_S = 300
"""How long a sample that was shown to one person is not shown to another, in seconds."""


class Labelling:
    """Asks, notes and learns; safe to call from any thread.

    Parameters
    ----------
    kept : Kept
        The pool and the book.
    test : Samples, optional
        What each round is scored on.
    """

    def __init__(self, kept: Kept, test: Samples | None = None) -> None:
        self.kept, self.terms = kept, kept.terms
        self.name, self.samples, self.book = kept.name, kept.samples, kept.book
        self.showing = Showing(self.samples)
        self._spec = ModelSpec.from_dict(dict(self.terms.spec))
        self._test = test
        self._lock = threading.RLock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="labelling")
        self._learning, self._fault = False, ""
        self._shares: NDArray[np.float64] | None = None
        self._held: dict[int, tuple[str, float]] = {}
        if not self.book.rounds(self.name):
            count = self.terms.first + self.terms.step  # more than needed: nobody waits for the first model
            first = choose_first(self._vectors, count, np.random.default_rng(self.terms.seed))
            self.book.add_round(self.name, {"asked": self.candidates[first].tolist(), "labels": 0})
        elif len({e.value for e in self.kept.labels()}) > 1:
            self._start(record=False)

    def close(self) -> None:
        """Wait for a training that runs, and stop."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def wait(self) -> None:
        """Return when no training runs or waits."""
        while self._is_learning():
            self._pool.submit(lambda: None).result()

    def _is_learning(self) -> bool:
        with self._lock:
            return self._learning

    @cached_property
    def candidates(self) -> NDArray[np.intp]:
        """The rows that may be asked for: with data, and one of each set of equal ones."""
        rows = self.samples.features.reshape(len(self.samples), -1)
        known = np.flatnonzero(np.isfinite(rows).any(axis=1))
        filled = np.where(np.isnan(rows[known]), np.finfo(np.float32).min, rows[known])
        return known[np.sort(np.unique(filled, axis=0, return_index=True)[1])]

    @cached_property
    def _vectors(self) -> NDArray[np.float64]:
        return scale_vectors(make_rows(self.samples.take(self.candidates)).features)

    def ask(self, author: str, count: int = 3) -> list[dict[str, Any]]:
        """Return the next samples for a person, as ``Showing.show`` tells them, the first one to begin with.

        "guess" is what the model thinks: shares by class value; null before there is one.
        """
        now = time.monotonic()
        with self._lock:
            self._held = {row: held for row, held in self._held.items() if now - held[1] < HOLD_S}
            free = [r for r in self._queue() if self._held.get(r, (author,))[0] == author][:count]
            self._held |= dict.fromkeys(free, (author, now))
        return [{**self.showing.show(row), "guess": self._guess(row)} for row in free]

    def answer(self, sample: int, value: int | None, author: str) -> dict[str, Any]:
        """Note the class of a sample, or None for one that nobody can tell, and return the state.

        Raises
        ------
        InputError
            If there is no such sample or class.
        """
        if value is not None and value not in self.terms.classes:
            raise InputError(f"There is no class {value}.", f"Classes are {list(self.terms.classes)}.")
        if not 0 <= sample < len(self.samples) or sample not in self.candidates:
            raise InputError(f"Sample {sample} is not asked for.", "Answer for one that was shown.")
        guess = self._guess(sample)
        best = None if guess is None else int(max(guess, key=lambda key: guess[key]))
        self.book.add(self.name, sample, value, author, best)
        self._go_on()
        return self.state()

    def undo(self, author: str) -> dict[str, Any] | None:
        """Take back the last answer of a person and return its sample to ask again; None if there is none."""
        taken = self.book.undo(self.name, author)
        if taken is None:
            return None
        return {**self.showing.show(taken.sample), "guess": self._guess(taken.sample)}

    def state(self) -> dict[str, Any]:
        """Return how far it is: labels by class and author, the round, the curve, what went wrong."""
        entries, rounds = self.kept.entries(), self.book.rounds(self.name)
        labels = [e for e in entries if e.act == "label"]
        values, authors = [e.value for e in labels], [e.author for e in labels]
        return {
            "id": self.name,
            "dataset": self.terms.dataset,
            "kind": self._spec.described.title,
            "classes": [
                {"value": value, "name": name, "labels": values.count(value)}
                for value, name in self.terms.classes.items()
            ],
            "labels": len(labels),
            "skipped": len(entries) - len(labels),
            "pool": len(self.candidates),
            "round": len(rounds) - 1,
            "until_next": max(self._wanted(rounds) - len(labels), 0),
            "step": self._wanted(rounds) - rounds[-1]["labels"],
            "learning": self._learning,
            "fault": self._fault,
            "curve": [{"labels": told["labels"], **told["scores"]} for told in rounds if "scores" in told],
            "authors": {name: authors.count(name) for name in sorted(set(authors))},
        }

    def answers(self) -> NDArray[np.int64] | None:
        """Return the class value that the model gives each candidate; None before there is a model."""
        shares = self._shares
        return None if shares is None else np.array(list(self.terms.classes))[shares.argmax(axis=1)]

    def _queue(self) -> list[int]:
        done = {entry.sample for entry in self.kept.entries()}
        return [row for row in self.book.rounds(self.name)[-1]["asked"] if row not in done]

    def _wanted(self, rounds: list[dict[str, Any]]) -> int:
        """Return at how many labels the next round begins."""
        return int(rounds[-1]["labels"]) + (self.terms.first if len(rounds) == 1 else self.terms.step)

    def _guess(self, row: int) -> dict[str, float] | None:
        shares = self._shares
        if shares is None or row not in self.candidates:
            return None
        line = shares[np.searchsorted(self.candidates, row)]
        return {str(v): float(share) for v, share in zip(self.terms.classes, line, strict=True)}

    def _go_on(self) -> None:
        """Begin the next round if enough labels have come, or nothing is left to ask."""
        labels, rounds = self.kept.labels(), self.book.rounds(self.name)
        is_over = not self._queue()
        if len(self.kept.entries()) >= len(self.candidates):
            return
        if len({entry.value for entry in labels}) > 1:
            if is_over or len(labels) >= self._wanted(rounds):
                self._start(record=True)
        elif is_over:
            left, known = self._split()
            more = choose_unlike(self._vectors[left], self.terms.step, known=self._vectors[known])
            self.book.add_round(
                self.name, {"asked": self.candidates[left[more]].tolist(), "labels": len(labels)}
            )

    def _split(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the numbers of the candidates that nobody has answered for, and of the others."""
        done = np.isin(self.candidates, [entry.sample for entry in self.kept.entries()])
        return np.flatnonzero(~done), np.flatnonzero(done)

    def _start(self, *, record: bool) -> None:
        with self._lock:
            if not self._learning:
                self._learning = True
                self._pool.submit(self._learn, record=record)

    def _learn(self, *, record: bool) -> None:
        fault = ""
        try:
            self._train(record=record)
        except EoceneError as error:
            fault = str(error)
        with self._lock:  # nobody sees it idle before it is known whether labels have come meanwhile
            self._learning, self._fault = False, fault
            if not fault:
                self._go_on()

    def _train(self, *, record: bool) -> None:
        labels, before = self.kept.labels(), self.answers()
        labels.sort(key=lambda entry: entry.sample)
        known = admit_round(self.samples.take(np.array([entry.sample for entry in labels])))
        values = np.array([entry.value for entry in labels])
        model = train(replace(known, labels=values, class_names=self.terms.classes), self._spec, threads=1)
        shares = np.zeros((len(self.candidates), len(self.terms.classes)))
        columns = [list(self.terms.classes).index(value) for value in model.classes]
        shares[:, columns] = model.estimate_probabilities(self.samples.features[self.candidates])
        self._shares = shares
        if not record:
            return
        last = int(self.book.rounds(self.name)[-1]["labels"])
        newest = sorted(labels, key=lambda entry: entry.number)[last:]
        guessed = [entry.guess == entry.value for entry in newest if entry.guess is not None]
        now = self.answers()
        scores: dict[str, float | None] = {
            "agreed": float(np.mean(guessed)) if guessed else None,
            "stayed": None if before is None else float(np.mean(before == now)),
            "macro_f1": None,
        }
        if self._test is not None:
            order = tuple(sorted({*self.terms.classes, *self._test.classes}))
            counts = count_confusion(self._test.labels, model.classify(self._test.features), order)
            scores["macro_f1"] = score_confusion(counts)["macro_f1"]
        asked = self._choose(shares)
        self.book.add_round(self.name, {"asked": asked, "labels": len(labels), "scores": scores})

    def _choose(self, shares: NDArray[np.float64]) -> list[int]:
        """Return the samples of a step, and of a further one: nobody waits while the next round is learnt."""
        left, _ = self._split()
        asked: list[int] = []
        for _ in range(2):
            if len(left):
                chosen = choose_samples(shares[left], self._vectors[left], self.terms.step)
                asked += self.candidates[left[chosen]].tolist()
                left = np.delete(left, chosen)
        return asked
