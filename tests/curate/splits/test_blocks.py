from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eocene.curate import SplitWarning, block_split, locate_blocks, random_split
from eocene.model import InputError

worlds = st.fixed_dictionaries(
    {
        "n": st.integers(40, 300),
        "seed": st.integers(0, 10_000),
        "size": st.sampled_from([50.0, 160.0, 333.3]),
        "buffer": st.sampled_from([0.0, 10.0, 45.0, 170.0]),
        "folds": st.integers(2, 5),
        "classes": st.integers(1, 4),
    }
)


def build(world, make_samples):
    rng = np.random.default_rng(world["seed"])
    n = world["n"]
    x, y = 400_000 + rng.uniform(-900, 900, n), 5_000_000 + rng.uniform(-900, 900, n)
    return make_samples(x, y, rng.integers(0, world["classes"], n))


@settings(max_examples=60, deadline=None)
@given(world=worlds)
def test_no_block_is_in_two_folds_and_no_training_sample_within_the_buffer(world, make_samples):
    samples = build(world, make_samples)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SplitWarning)
        try:
            splits = block_split(samples, world["folds"], world["size"], world["seed"], world["buffer"])
        except InputError:
            # Only a buffer that swallows all, or too few blocks, may be refused.
            blocks = {
                (a // world["size"], b // world["size"]) for a, b in zip(samples.x, samples.y, strict=True)
            }
            assert world["buffer"] == 170.0 or len(blocks) < world["folds"]
            return
    assert sorted(np.concatenate([test for _, test in splits]).tolist()) == list(range(len(samples)))
    size = world["size"]
    for train, test in splits:
        assert len(train)
        assert len(test)
        assert np.intersect1d(train, test).size == 0
        tested = {(samples.x[i] // size, samples.y[i] // size) for i in test}
        kept = set(train.tolist())
        for i in np.setdiff1d(np.arange(len(samples)), test):
            distance = min(
                np.hypot(
                    max(c * size - samples.x[i], 0, samples.x[i] - (c + 1) * size),
                    max(r * size - samples.y[i], 0, samples.y[i] - (r + 1) * size),
                )
                for c, r in tested
            )
            own = (samples.x[i] // size, samples.y[i] // size)
            assert own not in tested
            # Exactly those outside the buffer are kept: none too near, none thrown away in vain.
            assert (i in kept) == (distance >= world["buffer"])


@settings(max_examples=40, deadline=None)
@given(world=worlds)
def test_random_folds_are_disjoint_cover_all_and_are_balanced_by_class(world, make_samples):
    samples = build(world, make_samples)
    splits = random_split(samples, world["folds"], world["seed"])
    assert sorted(np.concatenate([test for _, test in splits]).tolist()) == list(range(len(samples)))
    for value in samples.classes:
        held = [(samples.labels[test] == value).sum() for _, test in splits]
        assert max(held) - min(held) <= 1


def test_blocks_are_anchored_to_the_origin_of_the_crs(make_samples):
    samples = make_samples([159.9, 160.0, -0.1], [0, 0, 0], [1, 1, 1])
    assert locate_blocks(samples, 160)[:, 0].tolist() == [0, 1, -1]


def test_the_seed_decides_the_folds(make_samples):
    samples = build({"n": 300, "seed": 1, "classes": 3}, make_samples)
    first, again, other = (block_split(samples, 4, 160, seed) for seed in (1, 1, 2))
    same = [np.array_equal(a[1], b[1]) for a, b in zip(first, again, strict=True)]
    assert all(same)
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(first, other, strict=True))


def test_the_seed_decides_the_folds_of_blocks_of_different_size_too(make_samples):
    x = np.concatenate([np.full(5 + k, 160.0 * k + 80) for k in range(12)])
    samples = make_samples(x, np.full(len(x), 80.0), np.arange(len(x)) % 2)
    drawn = {tuple(map(tuple, (test for _, test in block_split(samples, 3, 160, s)))) for s in range(8)}
    assert len(drawn) > 4


def test_classes_are_shared_out_evenly_where_blocks_allow(make_samples):
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(10, 2000, 20.0), np.arange(10, 2000, 20.0)))
    label = (x // 200 + y // 200).astype(int) % 3
    samples = make_samples(x, y, label)
    for _, test in block_split(samples, 4, 200, 0):
        shares = [(label[test] == v).sum() / (label == v).sum() for v in range(3)]
        assert max(shares) - min(shares) < 0.06


def test_a_class_in_one_block_is_warned_of(make_samples):
    samples = make_samples([10, 200, 400, 420], [10, 10, 10, 10], [1, 1, 1, 2], class_names={2: "peat"})
    with pytest.warns(SplitWarning, match=r"2 \(peat\) lies in a single block"):
        block_split(samples, 2, 160, 0)


def test_every_fold_is_tested_even_if_each_class_has_its_own_block(make_samples):
    samples = make_samples([10, 200, 400], [10, 10, 10], [1, 2, 3])
    with pytest.warns(SplitWarning):
        splits = block_split(samples, 3, 160, 0)
    assert [len(test) for _, test in splits] == [1, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"folds": 9, "block_size_m": 160, "seed": 0}, "blocks of 160 m cannot be split into 9"),
        ({"folds": 1, "block_size_m": 160, "seed": 0}, "into 1 folds"),
        ({"folds": 2, "block_size_m": 0, "seed": 0}, "no size"),
        ({"folds": 2, "block_size_m": 160, "seed": 0, "buffer_m": -1}, "no distance"),
        ({"folds": 2, "block_size_m": 160, "seed": 0, "buffer_m": 1e6}, "without training samples"),
    ],
)
def test_splits_that_cannot_be_made_are_refused(arguments, text, make_samples):
    samples = make_samples([10, 200, 400, 600], [10, 10, 10, 10], [1, 1, 2, 2])
    with pytest.raises(InputError, match=text):
        block_split(samples, **arguments)


def test_degrees_are_refused_with_the_remedy(make_samples):
    with pytest.raises(InputError, match="projected CRS"):
        block_split(make_samples([4, 5], [50, 51], [1, 1], epsg=4326), 2, 160, 0)
