"""Batches changed at random, the same way for the same seed and step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.learn.models.network import NetworkSettings
    from eocene.learn.training.batches import Batch


@dataclass(frozen=True, eq=False)
class Augmentation:
    """Noise, missing dates, shifted and stretched time, mixed samples: as the settings of a network say.

    Parameters
    ----------
    options : NetworkSettings
    deviation : array
        Of the features, broadcast over one sample: what noise is measured by.
    dims : tuple of str
        Of one sample.
    seed : int
    """

    options: NetworkSettings
    deviation: NDArray[Any]
    dims: tuple[str, ...]
    seed: int

    def change(self, batch: Batch, step: int) -> Batch:
        """Return another batch of the same length; ``step`` counts from the beginning of the training."""
        options = self.options
        rng = np.random.default_rng([self.seed, 1, step])
        features = batch.features
        if "t" in self.dims and options.warp_time:
            features = warp_time(features, options.warp_time, rng)
        if "t" in self.dims and options.drop_dates:
            features = drop_dates(features, options.drop_dates, rng)
        if options.jitter:
            noise = rng.normal(0, options.jitter, features.shape) * self.deviation
            features = (features + noise).astype(np.float32)
        batch = replace(batch, features=features)
        return mix_samples(batch, options.mixup, rng) if options.mixup and batch.answers.ndim < 3 else batch


def warp_time(features: NDArray[Any], dates: float, rng: np.random.Generator) -> NDArray[Any]:
    """Shift (n, t, …) series by up to ``dates`` and stretch them by as much, by linear interpolation."""
    count, length = features.shape[:2]
    steps = np.arange(length)
    ends = rng.uniform(-dates, dates, (count, 2))
    moved = steps + ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * steps / max(length - 1, 1)
    moved = moved.clip(0, length - 1)
    below = np.floor(moved).astype(int).clip(0, max(length - 2, 0))
    above = (below + 1).clip(0, length - 1)
    share = (moved - below).reshape(count, length, *[1] * (features.ndim - 2))
    rows = np.arange(count)[:, None]
    low, high = features[rows, below], features[rows, above]
    between = low * (1 - share) + high * share
    # Beside a gap the date that is there stands for both.
    filled = np.where(np.isnan(between), np.where(share < 0.5, low, high), between)
    warped: NDArray[Any] = filled.astype(np.float32)
    return warped


def drop_dates(features: NDArray[Any], part: float, rng: np.random.Generator) -> NDArray[Any]:
    """Let a part of the dates of (n, t, …) series go missing."""
    gone = rng.random(features.shape[:2]) < part
    changed = features.copy()
    changed[gone] = np.nan
    return changed


def mix_samples(batch: Batch, alpha: float, rng: np.random.Generator) -> Batch:
    """Mix each sample with another one of the batch; a missing value takes that of the other."""
    partner = rng.permutation(len(batch.answers))
    share = rng.beta(alpha, alpha, len(batch.answers)).astype(np.float32)
    wide = share.reshape(-1, *[1] * (batch.features.ndim - 1))
    first, second = batch.features, batch.features[partner]
    mixed = wide * first + (1 - wide) * second
    mixed = np.where(np.isnan(first), second, np.where(np.isnan(second), first, mixed))
    return replace(batch, features=mixed.astype(np.float32), others=batch.answers[partner], share=share)
