from __future__ import annotations

import warnings

import numpy as np
import pytest

from eocene.curate import (
    SplitWarning,
    block_split,
    knndm_split,
    leave_region,
    leave_sensor,
    leave_year,
    nndm_split,
    spread_places,
)

EAST, NORTH = 400_000.0, 5_000_000.0


@pytest.fixture(scope="session")
def make_world(make_samples):
    """A function that lays out samples: clustered or even, on pixels or anywhere, some twice."""

    def make_world(world):
        rng = np.random.default_rng(world["seed"])
        n = world["n"]
        centres = rng.uniform(0, 2000, (world["clusters"], 2))
        places = centres[rng.integers(0, len(centres), n)] + rng.normal(0, 150, (n, 2))
        if world["on_pixels"]:
            places = np.floor(places / 20) * 20 + 10
        twice = rng.integers(0, n, n // 10)
        places[twice] = places[(twice + 1) % n]
        columns = {
            "region": np.array(["north", "south", "far"])[rng.integers(0, 3, n)],
            "sensor": np.array(["s1", "s2"])[rng.integers(0, 2, n)],
            "time": np.datetime64("2019-01-01") + rng.integers(0, 1200, n).astype("timedelta64[D]"),
        }
        if world["width"] is not None:
            columns["width_m"] = world["width"] * rng.choice([1.0, 0.5, 2.0], n)
        labels = rng.integers(0, world["classes"], n)
        return make_samples(EAST + places[:, 0], NORTH + places[:, 1], labels, columns=columns)

    return make_world


@pytest.fixture(scope="session")
def split_by():
    """A function that splits a world in the way that it names."""

    def split_by(samples, world):
        seed, folds, buffer_m = world["seed"], world["folds"], world["buffer"]
        away = world["away"]
        area = spread_places((EAST + away, NORTH, EAST + away + 2000, NORTH + 2000), 150)
        ways = {
            "block": lambda: block_split(samples, folds, world["size"], seed, buffer_m),
            "region": lambda: leave_region(samples, buffer_m=buffer_m),
            "sensor": lambda: leave_sensor(samples, buffer_m=buffer_m),
            "year": lambda: leave_year(samples, first_month=9, buffer_m=buffer_m),
            "nndm": lambda: nndm_split(samples, area, buffer_m=buffer_m),
            "knndm": lambda: knndm_split(samples, area, folds, seed, buffer_m=buffer_m),
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SplitWarning)
            return ways[world["way"]]()

    return split_by
