"""Whether explanations of a kind of model can be believed: they must name a driver that was planted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.splits import random_split
from eocene.learn.explain.importance import permute_features
from eocene.learn.explain.parts import cut_parts
from eocene.learn.train import train

if TYPE_CHECKING:
    from eocene.curate import Samples
    from eocene.learn.spec import ModelSpec


@dataclass(frozen=True)
class PlantedDriver:
    """What was planted, and what the explanation named.

    Parameters
    ----------
    planted : str
        The part that alone decided the labels.
    found : str
        The part that is named as most important.
    margin : float
        Importance of the planted part over that of the strongest other; above 1 where it is found.
    accuracy : float
        Of the model on labels that it had not seen: where it is poor, no explanation can be good.
    """

    planted: str
    found: str
    margin: float
    accuracy: float

    @property
    def is_found(self) -> bool:
        """Whether the explanation names what was planted."""
        return self.planted == self.found


def plant_driver(
    samples: Samples, spec: ModelSpec, *, by: str | None = None, noise: float = 0.1, seed: int = 0
) -> PlantedDriver:
    """Give the samples labels that one part alone decides, train, and see whether the importance names it.

    Features stay as they are, with all their correlations and gaps; a label says whether the mean of the
    planted part lies above its median, and a share of the labels is drawn by chance.

    Parameters
    ----------
    samples : Samples
    spec : ModelSpec
        Trained on two thirds of them.
    by : str, optional
        A dimension whose labels are the parts, such as "bands"; by default each feature.
    noise : float
        Share of the labels that chance decides.
    seed : int
        Decides the part among those that vary, the noise, and the split.
    """
    names, part = cut_parts(samples.axes, by)
    samples = samples.take(_find_unlike(samples.features))
    flat = samples.features.reshape(len(samples), -1)
    values = np.stack([_mean(flat[:, part == n]) for n in range(len(names))], axis=1)
    rng = np.random.default_rng(seed)
    varied = np.flatnonzero((np.nanstd(values, axis=0) > 0) & (np.isfinite(values).mean(axis=0) > 0.5))
    driver = int(rng.choice(varied))
    labels = (values[:, driver] > np.nanmedian(values[:, driver])).astype(np.int64)
    drawn = rng.random(len(labels)) < noise
    labels[drawn] = rng.integers(0, 2, int(drawn.sum()))
    planted = replace(samples, labels=labels, class_names={})
    (learnt, tested), *_ = random_split(planted, 3, seed)
    model, held = train(planted, spec, rows=learnt, threads=1), planted.take(tested)
    told = permute_features(model, held, model.classes, by=by, seed=seed)
    strength = np.array([one.mean for one in told])
    others = np.delete(strength, driver).max(initial=0.0)
    return PlantedDriver(
        planted=names[driver],
        found=names[int(strength.argmax())],
        margin=float(strength[driver] / max(others, 1e-9)),
        accuracy=float((model.classify(held.features) == held.labels).mean()),
    )


def _find_unlike(features: np.ndarray) -> np.ndarray:
    """Return a row of each set of equal ones: equal samples with unlike labels would be a fault."""
    rows = features.reshape(len(features), -1).copy()
    rows[np.isnan(rows)] = np.finfo(np.float32).min
    return np.sort(np.unique(rows, axis=0, return_index=True)[1])


def _mean(values: np.ndarray) -> np.ndarray:
    count = np.isfinite(values).sum(axis=1)
    total = np.nansum(values, axis=1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
