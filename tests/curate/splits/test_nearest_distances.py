from __future__ import annotations

import time

import numpy as np
import pytest
import shapely

from eocene.curate import check_split, knndm_split, nndm_split, random_split, spread_places
from eocene.curate.splits import measure_match
from eocene.model import InputError


def clustered(make_samples, n=240, seed=3):
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, 10_000, (6, 2))
    places = centres[rng.integers(0, 6, n)] + rng.normal(0, 200, (n, 2))
    return make_samples(places[:, 0], places[:, 1], rng.integers(0, 2, n))


def leave_out_by_hand(samples, places):
    """Algorithm 1 of Milà et al. 2022 step by step on a whole matrix of distances."""
    points = np.stack([samples.x, samples.y], axis=1)
    distance = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.nan)
    wanted = np.hypot(*(places[:, None] - points[None]).transpose(2, 0, 1)).min(axis=1)
    n = len(points)
    nearest = np.nanmin(distance, axis=1)
    reach = nearest.min()
    while True:
        changed = False
        for row in np.flatnonzero(nearest == reach):
            enough = np.isfinite(distance[row]).sum() - 1 >= 0.5 * (n - 1)
            if ((nearest <= reach).sum() - 1) / n >= (wanted <= reach).mean() and enough:
                distance[row, np.nanargmin(distance[row])] = np.nan
                nearest[row] = np.nanmin(distance[row])
                changed = True
        if not changed:
            farther = nearest[nearest > reach]
            if not len(farther):
                return [np.flatnonzero(np.isfinite(row)) for row in distance]
            reach = farther.min()


@pytest.mark.parametrize("away", [0.0, 4000.0])
def test_leaving_neighbours_out_equals_the_published_algorithm(away, make_samples):
    samples = clustered(make_samples, n=50)
    places = spread_places((away, 0, away + 10_000, 10_000), 400)
    splits = nndm_split(samples, places)
    assert [test.tolist() for _, test in splits] == [[row] for row in range(50)]
    for (train, _), expected in zip(splits, leave_out_by_hand(samples, places), strict=True):
        np.testing.assert_array_equal(train, expected)


def test_distances_of_both_ways_are_more_like_those_of_the_map_than_random_ones(make_samples):
    samples = clustered(make_samples)
    places = spread_places((0, 0, 10_000, 10_000), 500)
    chance = measure_match(samples, random_split(samples, 5, 0), places)
    assert measure_match(samples, knndm_split(samples, places, 5, 0), places) < 0.5 * chance
    assert measure_match(samples, nndm_split(samples, places), places) < 0.5 * chance


def test_samples_spread_evenly_over_the_map_are_split_by_chance(make_samples):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 10_000, (2, 300))
    samples = make_samples(x, y, rng.integers(0, 2, 300))
    places = rng.uniform(0, 10_000, (600, 2))
    chance = measure_match(samples, random_split(samples, 5, 0), places)
    assert measure_match(samples, knndm_split(samples, places, 5, 0), places) <= chance


def test_the_seed_alone_decides_the_folds(make_samples):
    samples = clustered(make_samples)
    places = spread_places((0, 0, 10_000, 10_000), 300)
    first, again = (knndm_split(samples, places, 4, 5) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one[1], other[1])


@pytest.mark.long
def test_a_hundred_thousand_samples_are_split_within_minutes(make_samples):
    samples = clustered(make_samples, n=100_000)
    begun = time.process_time()
    splits = knndm_split(samples, spread_places((0, 0, 10_000, 10_000), 20_000), 5, 0)
    print(f"{time.process_time() - begun:.1f} CPU s for 100,000 samples")
    check_split(samples, splits)


def test_places_are_spread_inside_an_area_at_even_steps():
    circle = shapely.Point(500, 500).buffer(400)
    places = spread_places(circle, 300)
    assert 250 <= len(places) <= 350
    assert shapely.contains_xy(circle, *places.T).all()
    assert len(spread_places(shapely.Point(5, 5).buffer(1e-6), 1)) == 1


@pytest.mark.parametrize(
    ("split", "text"),
    [
        (lambda s: nndm_split(s, np.zeros((0, 2))), "prediction places have shape"),
        (lambda s: nndm_split(s, np.zeros((3, 2)), least_share=1.0), "share of 1.0"),
        (lambda s: nndm_split(s.take(np.arange(2)), np.zeros((3, 2))), "2 samples cannot be left out"),
        (lambda s: knndm_split(s, np.full((1, 2), np.nan), 2, 0), "not finite"),
        (lambda s: knndm_split(s, np.zeros((3, 2)), 999, 0), "cannot be split into 999"),
        (lambda s: spread_places((0, 0, 0, 5), 10), "is zero"),
    ],
)
def test_what_cannot_be_matched_is_refused(split, text, make_samples):
    with pytest.raises(InputError, match=text):
        split(clustered(make_samples, n=20))
