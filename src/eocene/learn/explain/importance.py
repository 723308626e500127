"""What a model rests on: how much worse it answers when a band, a date or a feature is shuffled.

Source: Breiman 2001, doi:10.1023/A:1010933404324; Fisher et al. 2019, arXiv:1801.01489.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.evaluation.calibration import measure_log_loss
from eocene.learn.explain.parts import Answering, cut_parts
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.curate import Samples


@dataclass(frozen=True)
class Importance:
    """How much a part matters: the growth of the loss, its mean and standard deviation over the rounds."""

    name: str
    mean: float
    sd: float


def permute_features(
    model: Answering,
    samples: Samples,
    classes: Sequence[int],
    *,
    by: str | None = None,
    rounds: int = 5,
    seed: int = 0,
) -> list[Importance]:
    """Return the importance of each part, in the order of the samples' axes.

    Parameters
    ----------
    model : Answering
    samples : Samples
        Such as the model has not learnt from; those of classes that it does not know are left out.
    classes : sequence of int
        Class values in the order of the model's probabilities, ``model.classes``.
    by : str, optional
        A dimension whose labels are shuffled as a whole, such as "bands" or "t"; by default each feature.
    rounds : int
        Shuffles of each part.
    seed : int
        Decides them.

    Raises
    ------
    InputError
        If there is no such dimension or no sample of a known class.
    """
    names, part = cut_parts(samples.axes, by)
    known = np.isin(samples.labels, classes)
    if not known.any() or rounds < 1:
        raise InputError("There is nothing to shuffle.", "Give samples of the model's classes, and rounds.")
    features = samples.features[known]
    truth = np.searchsorted(np.asarray(classes), samples.labels[known])
    rng = np.random.default_rng(seed)
    usual = measure_log_loss(model.estimate_probabilities(features), truth)
    flat = features.reshape(len(features), -1)
    found = []
    for number, name in enumerate(names):
        growth = []
        for _ in range(rounds):
            shuffled = flat.copy()
            mine = part == number
            shuffled[:, mine] = flat[rng.permutation(len(flat))][:, mine]
            answer: NDArray[Any] = model.estimate_probabilities(shuffled.reshape(features.shape))
            growth.append(measure_log_loss(answer, truth) - usual)
        found.append(Importance(name, float(np.mean(growth)), float(np.std(growth))))
    return found
