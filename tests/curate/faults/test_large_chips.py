"""Near duplicates among chips of many pixels, which are compared by sketches of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import pdist

from eocene.curate import Samples
from eocene.curate.faults import check_samples
from eocene.curate.faults.sketch import LONGEST, Sketch

WIDTH = 3 * LONGEST + 100


def spread_evenly(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(12, WIDTH))


def vary_smoothly(rng: np.random.Generator) -> np.ndarray:
    return np.cumsum(rng.normal(size=(12, WIDTH)), axis=1)


def differ_in_one_corner(rng: np.random.Generator) -> np.ndarray:
    rows = np.zeros((12, WIDTH))
    rows[:, 500:4_000] = rng.normal(size=(12, 3_500))
    return rows


@pytest.mark.parametrize("draw", [spread_evenly, vary_smoothly, differ_in_one_corner])
def test_a_sketch_keeps_distances_to_some_percent_whatever_rows_hold(draw):
    """3.5 % are six standard deviations of what is promised."""
    rows = draw(np.random.default_rng(3)).astype(np.float32)
    short = Sketch(WIDTH, seed=1).take(rows)
    assert short.shape[1] <= LONGEST
    true, sketched = pdist(rows.astype(float)), pdist(short.astype(float))
    assert np.abs(sketched / true - 1).max() < 0.035
    assert not np.array_equal(short, Sketch(WIDTH, seed=2).take(rows))


def test_a_row_has_the_same_sketch_whatever_is_read_with_it():
    rows = np.random.default_rng(4).normal(size=(9, WIDTH)).astype(np.float32)
    sketch = Sketch(WIDTH, seed=0)
    np.testing.assert_array_equal(sketch.take(rows)[4:5], sketch.take(rows[4:5]))


def test_short_rows_are_their_own_sketch():
    rows = np.random.default_rng(5).normal(size=(3, LONGEST)).astype(np.float32)
    np.testing.assert_array_equal(Sketch(LONGEST, seed=0).take(rows), rows)


def test_nearly_equal_large_chips_are_named_and_no_others():
    """60 chips of 2 × 96 × 96 pixels, more than a sketch holds; three of them again, with other noise."""
    rng = np.random.default_rng(6)
    chips = gaussian_filter(rng.normal(size=(63, 2, 96, 96)), (0, 0, 3, 3)) + 0.3 * rng.normal(
        size=(63, 2, 1, 1)
    )
    chips[60:] = chips[[7, 20, 41]]
    chips += 0.002 * rng.normal(size=chips.shape)
    pixels = tuple(map(str, range(96)))
    samples = Samples(
        features=chips.astype(np.float32),
        labels=np.arange(63) % 3,
        x=500_000.0 + 2_000 * np.arange(63),
        y=np.full(63, 5_000_000.0),
        epsg=32631,
        axes={"bands": ("red", "nir"), "y": pixels, "x": pixels},
        class_names={0: "a", 1: "b", 2: "c"},
    )
    assert samples.features[0].size > LONGEST
    found = check_samples(samples, kinds=["near_duplicates"]).find("near_duplicates")
    assert sorted(each.samples for each in found) == [(7, 60), (20, 61), (41, 62)]
