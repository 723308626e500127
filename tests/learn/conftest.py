from __future__ import annotations

import numpy as np
import pytest

from eocene.curate import Samples, block_split, random_split
from eocene.learn import ModelSpec, evaluate, train
from eocene.model import Layout

NAMES = tuple(f"2024-{m:02d}/{b}" for m in (5, 6) for b in ("B04", "B08"))


@pytest.fixture(scope="session")
def samples() -> Samples:
    """600 samples, 3 classes by two of four features, noise, a gap in some, and a feature never there."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(600, 4)).astype(np.float32)
    labels = np.array([11, 13, 99])[(features[:, 0] > 0).astype(int) + (features[:, 1] > 0.8)]
    gaps = rng.random(features.shape) < 0.05
    features[gaps & (gaps.cumsum(axis=1) == 1)] = np.nan
    features[:, 3] = np.nan
    return Samples(
        features=features,
        labels=labels,
        x=574_680 + rng.uniform(0, 640, 600),
        y=5_621_800 + rng.uniform(0, 640, 600),
        epsg=32631,
        axes={"features": NAMES},
        class_names={11: "annual crops", 13: "grassland", 99: "other"},
        sources={
            "items": ["s2-1", "s2-2"],
            "graph": {"load1": {"process_id": "load_collection"}},
            "label": "LC",
        },
    )


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    return ModelSpec(seed=1, settings={"n_estimators": 20})


@pytest.fixture(scope="session")
def model(samples, spec):
    return train(samples, spec)


@pytest.fixture(scope="session")
def report(samples, spec):
    splits = {"random": random_split(samples, 3, 0), "block": block_split(samples, 3, 160, 0)}
    return evaluate(samples, spec, splits)


@pytest.fixture
def layout(tmp_path) -> Layout:
    return Layout(tmp_path)
