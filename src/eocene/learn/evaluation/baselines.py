"""What every model must beat: the commonest class, and a random forest on plain statistics."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from eocene.learn.models.kind import PIXELS
from eocene.learn.spec import ModelSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate import Samples

QUANTILES = (10, 25, 50, 75, 90)


def forest_spec(seed: int) -> ModelSpec:
    """Return the forest that others are compared with: as scikit-learn makes it, 200 trees."""
    return ModelSpec("random_forest", seed=seed, settings={"n_estimators": 200})


def make_rows(samples: Samples) -> Samples:
    """Return samples as rows that a forest learns from: pixels as they are, chips by their statistics.

    Those of a chip are mean, standard deviation and the quantiles 10, 25, 50, 75 and 90 of each band (and
    date) over its pixels; NaN where a band has no pixel.
    """
    if tuple(samples.axes) in PIXELS:
        return samples.flatten()
    lead = [labels for dim, labels in samples.axes.items() if dim not in ("y", "x")]
    pixels = samples.features.reshape(len(samples), int(np.prod([len(v) for v in lead])), -1)
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "All-NaN slice|Mean of empty slice|Degrees of freedom", RuntimeWarning
        )
        parts = [np.nanmean(pixels, 2), np.nanstd(pixels, 2), *np.nanpercentile(pixels, QUANTILES, axis=2)]
    names = [f"{kind}/{i}" for kind in ("mean", "sd", *QUANTILES) for i in range(pixels.shape[1])]
    rows: NDArray[np.float32] = np.concatenate(parts, axis=1).astype(np.float32)
    return replace(samples, features=rows, axes={"features": tuple(names)})


def find_commonest(labels: NDArray[np.int64]) -> int:
    """Return the commonest class; the lowest where several are."""
    values, counts = np.unique(labels, return_counts=True)
    return int(values[counts.argmax()])
