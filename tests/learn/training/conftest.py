from __future__ import annotations

import numpy as np
import pytest

from eocene.curate import Samples
from eocene.learn import ModelSpec

DATES = ("2024-01-03", "2024-02-10", "2024-04-04", "2024-05-01", "2024-05-20", "2024-08-01")
AXES = {
    "rows": {"features": tuple("abcdef")},
    "series": {"t": DATES, "bands": ("red", "nir", "swir")},
    "chips": {"bands": ("red", "nir"), "y": tuple("01234567"), "x": tuple("01234567")},
    "chip series": {"t": DATES[:3], "bands": ("red",), "y": tuple("0123"), "x": tuple("0123")},
}


def make_samples(form: str, count: int = 120, *, gaps: float = 0.1) -> Samples:
    """Three classes whose means differ, with noise and gaps, spread over a square kilometre."""
    rng = np.random.default_rng(7)
    axes = AXES[form]
    sizes = [len(labels) for labels in axes.values()]
    labels = rng.integers(1, 4, count)
    features = rng.normal(size=(count, *sizes)) + labels.reshape(-1, *[1] * len(sizes))
    features[rng.random(features.shape) < gaps] = np.nan
    return Samples(
        features=features,
        labels=labels,
        x=rng.uniform(0, 1000, count),
        y=rng.uniform(0, 1000, count),
        epsg=32632,
        axes=axes,
        class_names={1: "wheat", 2: "maize", 3: "grass"},
    )


@pytest.fixture(scope="session")
def series() -> Samples:
    return make_samples("series")


@pytest.fixture(scope="session")
def rows() -> Samples:
    return make_samples("rows")


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    """A network with all that draws by chance: dropout, noise, missing dates, warped time, mixing."""
    pytest.importorskip("torch")
    settings = {
        "width": 16, "epochs": 6, "batch_size": 16, "jitter": 0.1, "drop_dates": 0.1, "warp_time": 0.5,
        "mixup": 0.2, "checkpoint_steps": 3,
    }  # fmt: skip
    return ModelSpec("mlp", seed=3, settings=settings)
