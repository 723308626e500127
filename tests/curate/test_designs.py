from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.curate import choose_balanced, choose_diverse, choose_stratified, choose_weighted
from eocene.curate.sampling.designs import draw_keys, number_strata, take_lowest
from eocene.model import InputError


@pytest.fixture
def placed(make_samples):
    rng = np.random.default_rng(4)
    label = rng.choice([1, 2, 3], 600, p=[0.7, 0.2, 0.1])
    columns = {
        "region": rng.choice(["north", "south"], 600, p=[0.9, 0.1]),
        "cloud": rng.uniform(0, 1, 600).astype(np.float32),
    }
    x = np.where(rng.uniform(size=600) < 0.9, rng.uniform(0, 100, 600), rng.uniform(0, 10_000, 600))
    return make_samples(x, np.zeros(600), label, columns=columns)


def test_classes_are_balanced(placed):
    rows = choose_balanced(placed, 50, seed=1)
    assert np.bincount(placed.labels[rows]).tolist() == [0, 50, 50, 50]
    assert np.array_equal(rows, choose_balanced(placed, 50, seed=1))
    assert not np.array_equal(rows, choose_balanced(placed, 50, seed=2))


def test_no_stratum_has_more_than_its_share_and_small_ones_are_whole(placed):
    rows = choose_stratified(placed, 12, ("label", "region", "cloud"))
    quarter = np.floor(placed.columns["cloud"] * 4)
    strata = list(zip(placed.labels, placed.columns["region"], quarter, strict=True))
    everything = {s: strata.count(s) for s in set(strata)}
    taken = [strata[r] for r in rows]
    assert {s: taken.count(s) for s in everything} == {s: min(12, n) for s, n in everything.items()}


def test_a_column_that_is_not_there_is_named(placed):
    with pytest.raises(InputError, match="season"):
        choose_stratified(placed, 5)


def test_sparse_ground_is_drawn_more_often_when_weighted(placed):
    even = placed.x[choose_weighted(placed, 100, cell_m=100, strength=0)]
    weighted = placed.x[choose_weighted(placed, 100, cell_m=100)]
    assert len(weighted) == 100
    assert (weighted > 100).mean() > 2 * (even > 100).mean()


def test_a_core_set_reaches_within_twice_the_best_radius():
    points = np.random.default_rng(0).normal(size=(14, 2))

    def radius(rows):
        return np.linalg.norm(points[:, None] - points[list(rows)], axis=2).min(axis=1).max()

    best = min(radius(rows) for rows in combinations(range(14), 4))
    assert radius(choose_diverse(points, 4)) <= 2 * best + 1e-6
    assert choose_diverse(points, 9)[:4].tolist() == choose_diverse(points, 4).tolist()
    assert sorted(choose_diverse(points, 99)) == list(range(14))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=60), st.integers(1, 5))
def test_the_lowest_of_each_stratum_are_those_that_sorting_gives(pairs, most):
    levels = [np.array([p[k] for p in pairs], np.intp) for k in (0, 1)]
    keys = np.random.default_rng(len(pairs)).uniform(size=len(pairs))
    rows = take_lowest(number_strata(levels), keys, most)
    expected = []
    for stratum in set(pairs):
        mine = [k for k, p in enumerate(pairs) if p == stratum]
        expected += sorted(mine, key=lambda k: keys[k])[:most]
    assert rows.tolist() == sorted(expected)


def test_the_draw_of_a_pixel_is_even_and_its_own():
    column, row = (g.reshape(-1) for g in np.meshgrid(np.arange(-100, 100), np.arange(50)))
    keys = draw_keys(column, row, 7)
    assert len(np.unique(keys)) == len(keys)
    assert np.histogram(keys, 10, (0, 1))[0].min() > 850  # of 1,000; the deviation is 30
    part = slice(300, 400)
    assert np.array_equal(draw_keys(column[part], row[part], 7), keys[part])
    assert not np.array_equal(draw_keys(column, row, 8), keys)
