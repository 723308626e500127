"""What a model rests on: how much worse it answers when a band, a date or a feature is shuffled.

Source: Breiman 2001, doi:10.1023/A:1010933404324; Fisher et al. 2019, arXiv:1801.01489.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eocene.learn.explain.losses import choose_loss
from eocene.learn.explain.parts import Answering, cut_parts
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.curate import Samples


@dataclass(frozen=True)
class Importance:
    """How much a part matters: the growth of the loss, its mean and standard deviation over the rounds.

    The loss is the logarithmic one of classes, and the root of the mean squared error of values, in their
    unit.
    """

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
    pixel_labels: NDArray[np.int64] | None = None,
) -> list[Importance]:
    """Return the importance of each part, in the order of the samples' axes.

    Parameters
    ----------
    model : Answering
    samples : Samples
        Such as the model has not learnt from; those of classes that it does not know are left out. Of a
        regression with the column "target".
    classes : sequence of int
        Class values in the order of the model's probabilities, ``model.classes``; none of a regression.
    by : str, optional
        A dimension whose labels are shuffled as a whole, such as "bands" or "t"; by default each feature, of
        chips each band at each date. Whole chips lend them, so that a band stays a picture.
    rounds : int
        Shuffles of each part.
    seed : int
        Decides them.
    pixel_labels : (n, y, x) int64, optional
        Class values of the pixels, of a model that answers for each of them; negative where there is none.

    Raises
    ------
    InputError
        If there is no such dimension, no sample of a known class, or no target.
    """
    names, part = cut_parts(samples.axes, by)
    loss = choose_loss(samples, classes, pixel_labels)
    if rounds < 1:
        raise InputError("There is nothing to shuffle.", "Give 1 round or more.")
    features = samples.features[loss.rows]
    rng = np.random.default_rng(seed)
    usual = loss.measure(model, features)
    flat = features.reshape(len(features), -1)
    found = []
    for number, name in enumerate(names):
        growth = []
        for _ in range(rounds):
            shuffled = flat.copy()
            mine = part == number
            shuffled[:, mine] = flat[rng.permutation(len(flat))][:, mine]
            growth.append(loss.measure(model, shuffled.reshape(features.shape)) - usual)
        found.append(Importance(name, float(np.mean(growth)), float(np.std(growth))))
    return found
