"""What would have to be different for another answer: few features, with values that occur.

Source: Brughmans et al. 2023, "NICE", doi:10.1007/s10618-023-00930-y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.explain.parts import Answering, cut_parts
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.curate import Samples


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """A sample that is answered otherwise.

    Parameters
    ----------
    features : (…) float32
        Like the sample in all but the changed parts.
    changed : tuple of str
        The parts that were taken from ``donor``, in the order in which they were.
    donor : int
        Row of the background sample that lent them.
    probability : float
        Of the wanted class.
    """

    features: NDArray[np.float32]
    changed: tuple[str, ...]
    donor: int
    probability: float


def find_counterfactual(
    model: Answering,
    sample: NDArray[Any],
    background: Samples,
    classes: Sequence[int],
    wanted: int,
    *,
    by: str | None = None,
) -> Counterfactual:
    """Find the change of few parts that makes a model answer with another class.

    The nearest background sample of the wanted class that the model answers rightly lends its parts, each
    time the one that raises the probability most, until the answer is the wanted one.

    Parameters
    ----------
    model : Answering
    sample : (…) float
        Features of one sample, of the background's axes.
    background : Samples
        Such as the training samples.
    classes : sequence of int
        Class values in the order of the probabilities.
    wanted : int
        The class value to reach.
    by : str, optional
        A dimension whose labels are the parts; by default each feature.

    Raises
    ------
    InputError
        If the class is unknown, or no background sample of it is answered rightly.
    """
    if wanted not in classes:
        raise InputError(f"The model knows no class {wanted}.", f"Its classes are {list(classes)}.")
    column = list(classes).index(wanted)
    names, part = cut_parts(background.axes, by)
    shape = background.features.shape[1:]
    now = np.array(sample, dtype=np.float32).reshape(-1)
    donor = _find_donor(model, now, background, column, wanted)
    lent = background.features[donor].reshape(-1)
    left = [
        n for n in range(len(names)) if not np.array_equal(now[part == n], lent[part == n], equal_nan=True)
    ]
    changed: list[str] = []
    answer = _ask(model, now[None], shape)[0]
    while answer.argmax() != column:
        tried = np.stack([np.where(part == n, lent, now) for n in left])
        answers = _ask(model, tried, shape)
        best = int(answers[:, column].argmax())
        now, answer = tried[best], answers[best]
        changed.append(names[left.pop(best)])
    return Counterfactual(now.reshape(shape), tuple(changed), donor, float(answer[column]))


def _find_donor(
    model: Answering, row: NDArray[np.float32], background: Samples, column: int, wanted: int
) -> int:
    answered = model.estimate_probabilities(background.features).argmax(axis=1) == column
    rows = np.flatnonzero(answered & (background.labels == wanted))
    if not len(rows):
        raise InputError(
            f"No sample of class {wanted} is answered rightly.", "Give more of them, or a better model."
        )
    flat = background.features.reshape(len(background), -1)
    spread = np.nanstd(flat, axis=0)
    gap = (flat[rows] - row) / np.where(spread > 0, spread, 1)
    return int(rows[np.nansum(gap**2, axis=1).argmin()])


def _ask(model: Answering, rows: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[Any]:
    return model.estimate_probabilities(rows.reshape(len(rows), *shape))
