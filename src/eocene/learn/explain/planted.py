"""Whether explanations of a kind of model can be believed: they must name a driver that was planted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.splits import random_split
from eocene.learn.explain.importance import permute_features
from eocene.learn.explain.parts import cut_parts
from eocene.learn.train import train
from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.spec import ModelSpec
    from eocene.learn.train import TrainedModel

_CLASSES = np.array([0, 1])


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
        Of the model on labels that it had not seen, of a regression the explained share of the variance:
        where it is poor, no explanation can be good.
    """

    planted: str
    found: str
    margin: float
    accuracy: float

    @property
    def is_found(self) -> bool:
        """Whether the explanation names what was planted."""
        return self.planted == self.found


@dataclass(frozen=True, eq=False)
class Planted:
    """Samples with a truth that one part alone decides.

    Parameters
    ----------
    samples : Samples
        With labels or, for a regression, targets.
    names : tuple of str
        Of the parts.
    driver : int
        The number of the part that decides.
    pixels : (n, y, x) int64, optional
        Class values of the pixels of chips.
    """

    samples: Samples
    names: tuple[str, ...]
    driver: int
    pixels: NDArray[np.int64] | None = None


def plant_driver(
    samples: Samples,
    spec: ModelSpec,
    *,
    by: str | None = None,
    noise: float = 0.1,
    seed: int = 0,
    pixels: bool = False,
) -> PlantedDriver:
    """Give the samples a truth that one part alone decides, train, and see whether the importance names it.

    Features stay as they are, with all their correlations and gaps. A label says whether the mean of the
    planted part lies above its median, of pixels whether it does so on the pixel; the target of a regression
    is that mean. A share of them is drawn by chance.

    Parameters
    ----------
    samples : Samples
    spec : ModelSpec
        Trained on two thirds of them.
    by : str, optional
        A dimension whose labels are the parts, such as "bands"; by default each feature.
    noise : float
        Share of the labels or targets that chance decides.
    seed : int
        Decides the part among those that vary, the noise, and the split.
    pixels : bool
        Whether the model learns the class of each pixel of chips.
    """
    made = plant_truth(samples, spec.described.task, by=by, noise=noise, seed=seed, pixels=pixels)
    (learnt, tested), *_ = random_split(made.samples, 3, seed)
    model = train(made.samples, spec, rows=learnt, threads=1, pixel_labels=made.pixels)
    held = made.samples.take(tested)
    truth = None if made.pixels is None else made.pixels[tested]
    told = permute_features(model, held, model.classes, by=by, seed=seed, pixel_labels=truth)
    strength = np.array([one.mean for one in told])
    others = np.delete(strength, made.driver).max(initial=0.0)
    return PlantedDriver(
        planted=made.names[made.driver],
        found=made.names[int(strength.argmax())],
        margin=float(strength[made.driver] / max(others, 1e-9)),
        accuracy=_score(model, held, truth),
    )


def plant_truth(
    samples: Samples,
    task: str = "classification",
    *,
    by: str | None = None,
    noise: float = 0.1,
    seed: int = 0,
    pixels: bool = False,
) -> Planted:
    """Return samples, each once, with a truth that one part alone decides; see ``plant_driver``."""
    names, part = cut_parts(samples.axes, by)
    samples = samples.take(_find_unlike(samples.features))
    flat = samples.features.reshape(len(samples), -1)
    values = np.stack([_mean(flat[:, part == n]) for n in range(len(names))], axis=1)
    rng = np.random.default_rng(seed)
    varied = np.flatnonzero((np.nanstd(values, axis=0) > 0) & (np.isfinite(values).mean(axis=0) > 0.5))
    driver = int(rng.choice(varied))
    labels = np.zeros(len(samples), dtype=np.int64)
    if pixels:
        if "y" not in samples.axes:
            raise InputError("The samples are no chips.", "Plant classes of pixels in chips only.")
        shown = _draw_some(_divide(_cut_pixels(samples, part == driver)), _CLASSES, noise, rng)
        return Planted(replace(samples, labels=labels, class_names={}), names, driver, shown)
    if task == "regression":
        held = np.nan_to_num(values[:, driver], nan=float(np.nanmedian(values[:, driver])))
        targets = _draw_some(held, held, noise, rng)
        columns = {**samples.columns, "target": targets}
        return Planted(replace(samples, labels=labels, class_names={}, columns=columns), names, driver)
    labels = _draw_some(_divide(values[:, driver]), _CLASSES, noise, rng)
    return Planted(replace(samples, labels=labels, class_names={}), names, driver)


def _draw_some(
    truth: NDArray[Any], pool: NDArray[Any], noise: float, rng: np.random.Generator
) -> NDArray[Any]:
    """Return the truth with a share of it drawn by chance from a pool."""
    drawn = rng.random(truth.shape) < noise
    mixed = truth.copy()
    mixed[drawn] = rng.choice(pool, int(drawn.sum()))
    return mixed


def _divide(values: NDArray[Any]) -> NDArray[np.int64]:
    above: NDArray[np.bool_] = values > np.nanmedian(values)
    return above.astype(np.int64)


def _cut_pixels(samples: Samples, mine: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean of a part on each pixel of each chip, (n, y, x)."""
    *lengths, rows, cols = samples.features.shape[1:]
    layers = mine.reshape(-1, rows, cols).any(axis=(1, 2))
    chips = samples.features.reshape(len(samples), int(np.prod(lengths)), rows, cols)
    return _mean(chips[:, layers])


def _score(model: TrainedModel, held: Samples, pixels: NDArray[np.int64] | None) -> float:
    answer = model.estimate_probabilities(held.features)
    if not model.classes:
        targets = held.columns["target"]
        return float(1 - np.mean((answer[:, 0] - targets) ** 2) / np.var(targets))
    truth = held.labels if pixels is None else pixels
    return float((np.asarray(model.classes)[answer.argmax(axis=1)] == truth).mean())


def _find_unlike(features: np.ndarray) -> np.ndarray:
    """Return a row of each set of equal ones: equal samples with unlike labels would be a fault."""
    rows = features.reshape(len(features), -1).copy()
    rows[np.isnan(rows)] = np.finfo(np.float32).min
    return np.sort(np.unique(rows, axis=0, return_index=True)[1])


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean of the known values along the second axis, NaN where there is none."""
    count = np.isfinite(values).sum(axis=1)
    total = np.nansum(values, axis=1, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
