"""Learn what is new and keep what is old: updates that replay old samples and say what was forgotten.

Source of the rehearsal of a balanced memory: Chaudhry et al. 2019, arXiv:1902.10486.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from eocene.curate.faults.resolution import RECORD, record
from eocene.learn.active.choice import choose_unlike, scale_vectors
from eocene.learn.score import count_confusion, score_confusion
from eocene.learn.train import TrainedModel, train
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.spec import ModelSpec


Old = TypeVar("Old", bound="Classifying")


@dataclass(frozen=True)
class Update:
    """What an update did.

    Parameters
    ----------
    replayed : int
        Old samples that were learnt again.
    before, after, naive : mapping
        "old" and "new" → macro F1 on held-out samples of the old and the new task: of the old model, of
        the updated one at its last try, and of one that learnt the new samples alone.
    most_forgotten : float
        The loss on the old task that was allowed.
    """

    replayed: int
    before: Mapping[str, float]
    after: Mapping[str, float]
    naive: Mapping[str, float]
    most_forgotten: float

    @property
    def forgotten(self) -> float:
        """What the old task lost, in points of macro F1; below 0 where it won."""
        return self.before["old"] - self.after["old"]

    @property
    def is_bounded(self) -> bool:
        """Whether no more was forgotten than allowed."""
        return self.forgotten <= self.most_forgotten

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "forgotten": self.forgotten, "is_bounded": self.is_bounded}


def choose_memory(samples: Samples, count: int) -> NDArray[np.intp]:
    """Return rows to remember a task by: as many of each class as can be, unlike each other.

    Raises
    ------
    InputError
        If the count is below 1.
    """
    if count < 1:
        raise InputError(f"A memory of {count} samples remembers nothing.", "Give 1 or more.")
    vectors = scale_vectors(samples.features)
    classes = sorted(samples.classes, key=lambda value: samples.counts[value])
    kept: list[NDArray[np.intp]] = []
    left = min(count, len(samples))
    for number, value in enumerate(classes):
        mine = np.flatnonzero(samples.labels == value)
        share = min(len(mine), -(-left // (len(classes) - number)))
        centre = vectors[mine].mean(axis=0, keepdims=True)
        kept.append(mine[choose_unlike(vectors[mine], share, known=centre)])
        left -= share
    return np.sort(np.concatenate(kept))


class Classifying(Protocol):
    """What answers with classes: a trained model, or a registered one."""

    def classify(self, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the (n,) most probable class values."""


def update_model(
    model: Old,
    spec: ModelSpec,
    old: tuple[Samples, Samples],
    new: tuple[Samples, Samples],
    *,
    replay: int = 200,
    most_forgotten: float = 0.02,
) -> tuple[TrainedModel | Old, Update]:
    """Train on new samples and a memory of the old ones, which is doubled until little enough is forgotten.

    Parameters
    ----------
    model : TrainedModel or Predictor
        What learnt the old samples.
    spec : ModelSpec
        How the update is trained.
    old, new : (learnt, held out) Samples
        Of the same axes. Held-out samples are only scored on.
    replay : int
        Old samples in the memory at first.
    most_forgotten : float
        Points of macro F1 that the old task may lose on held-out samples.

    Returns
    -------
    TrainedModel or the old model, Update
        With all old samples in the memory the bound may still not hold, where both tasks contradict each
        other; then ``is_bounded`` is False and the old model is returned, so that no more is ever forgotten.

    Raises
    ------
    InputError
        If the samples have unequal axes.
    """
    (old_learnt, old_held), (new_learnt, new_held) = old, new
    if len({tuple(part.axes.items()) for part in (*old, *new)}) != 1:
        raise InputError("The old and the new samples have unequal axes.", "Build both by one graph.")
    classes = tuple(sorted({*old_learnt.classes, *old_held.classes, *new_learnt.classes, *new_held.classes}))

    def score(found: Classifying) -> dict[str, float]:
        return {name: _score(found, part, classes) for name, part in (("old", old_held), ("new", new_held))}

    before, naive = score(model), score(train(new_learnt, spec))
    count = min(replay, len(old_learnt))
    while True:
        updated = train(join_memory(old_learnt, new_learnt, count), spec)
        told = Update(count, before, score(updated), naive, most_forgotten)
        if told.is_bounded or count == len(old_learnt):
            return (updated if told.is_bounded else model), told
        count = min(2 * count, len(old_learnt))


def join_memory(old: Samples, new: Samples, count: int) -> Samples:
    """Return what an update learns: so many samples that the old ones are remembered by, and the new ones."""
    return _join(old.take(choose_memory(old, count)), new)


def _score(model: Classifying, held: Samples, classes: tuple[int, ...]) -> float:
    counts = count_confusion(held.labels, model.classify(held.features), classes)
    return score_confusion(counts)["macro_f1"]


def _join(first: Samples, second: Samples) -> Samples:
    """Put samples of the same axes one after the other, with the columns that both have."""
    shared = sorted(set(first.columns) & set(second.columns))
    return replace(
        first,
        features=np.concatenate([first.features, second.features]),
        labels=np.concatenate([first.labels, second.labels]),
        x=np.concatenate([first.x, second.x]),
        y=np.concatenate([first.y, second.y]),
        class_names={**second.class_names, **first.class_names},
        columns={key: np.concatenate([first.columns[key], second.columns[key]]) for key in shared},
        sources=_join_sources(first.sources, second.sources),
        faults={},
    )


def _join_sources(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return where joined samples come from; faults that were kept in either stay kept.

    What both say stands for the whole, such as the graph of the features.
    """
    parts = (first, second)
    kept = [told for part in parts for told in part.get(RECORD, {}).get("resolved", ())]
    same = {key: told for key, told in first.items() if key != RECORD and second.get(key) == told}
    items = sorted({item for part in parts for item in part.get("items", ())})
    joined = {**same, **({"items": items} if items else {}), "joined": [dict(part) for part in parts]}
    return record(joined, kept) if kept else joined
