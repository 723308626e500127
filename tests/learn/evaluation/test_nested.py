"""Choosing by inner folds: what is chosen, and that the test part of a fold has no say in it."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from eocene.curate import Samples, block_split, random_split
from eocene.learn import ModelSpec
from eocene.learn.evaluation import nested
from eocene.learn.evaluation.nested import choose, score_nested
from eocene.model import InputError

SPECS = [ModelSpec(seed=seed, settings={"n_estimators": 1}) for seed in range(12)]


def make_samples(count: int, seed: int) -> Samples:
    """Labels by chance, on a line of places."""
    rng = np.random.default_rng(seed)
    return Samples(
        features=rng.normal(size=(count, 4)), labels=rng.permutation(np.arange(count) % 2),
        x=100.0 * np.arange(count), y=np.zeros(count), epsg=32631, axes={"features": tuple("abcd")},
    )  # fmt: skip


def test_the_highest_mean_is_chosen_and_of_equal_ones_the_first() -> None:
    samples = make_samples(9, seed=0)
    folds = random_split(samples, 3, 0)
    table = {0: (0.9, 0.1, 0.2), 1: (0.5, 0.5, 0.5), 2: (0.0, 0.6, 0.9), 3: (0.4, 0.4, 0.4)}
    first_tested = [tested[0] for _, tested in folds]

    def look_up(_: Samples, spec: ModelSpec, fold: nested.Split) -> float:
        return table[spec.seed][first_tested.index(fold[1][0])]

    found = choose(samples, SPECS[:4], folds, measure=look_up)
    assert found.spec == SPECS[1]
    assert found.score == pytest.approx(0.5)
    assert found.scores == pytest.approx((0.4, 0.5, 0.5, 0.4))


def test_the_first_stays_unless_another_is_better_by_the_margin() -> None:
    """Gaps to the first of (0.1, 0.2, 0.3): their mean is 0.2, its standard error 0.1 / √3 = 0.0577."""
    samples = make_samples(9, seed=0)
    folds = random_split(samples, 3, 0)
    table = np.array([(0.5, 0.5, 0.5), (0.6, 0.7, 0.8)])
    numbers = {int(tested[0]): number for number, (_, tested) in enumerate(folds)}

    def look_up(_: Samples, spec: ModelSpec, fold: nested.Split) -> float:
        return float(table[spec.seed, numbers[int(fold[1][0])]])

    chosen = [choose(samples, SPECS[:2], folds, measure=look_up, margin=m).spec for m in (0, 1, 3.4, 3.5)]
    assert [spec.seed for spec in chosen] == [1, 1, 1, 0]
    assert choose(samples, SPECS[:2], folds[:1], measure=look_up, margin=9).spec == SPECS[1]


def test_what_learns_the_rule_is_chosen_over_what_cannot() -> None:
    samples = make_samples(90, seed=1)
    turned = Samples(
        features=samples.features, labels=(samples.features[:, 0] > 0) ^ (samples.features[:, 1] > 0),
        x=samples.x, y=samples.y, epsg=samples.epsg, axes=samples.axes,
    )  # fmt: skip
    depths = [ModelSpec(settings={"n_estimators": 10, "max_depth": depth}) for depth in (1, 6)]
    assert choose(turned, depths, block_split(turned, 3, 1000, 0)).spec == depths[1]


def test_the_choice_sees_the_training_samples_of_its_fold_and_no_other() -> None:
    samples = make_samples(60, seed=2)
    folds = block_split(samples, 4, 500, 0)
    seen = []

    def pick(part: Samples) -> ModelSpec:
        seen.append(part.x)
        return SPECS[0]

    found = score_nested(samples, folds, pick)
    assert [fold.test for fold in found] == [len(tested) for _, tested in folds]
    for places, (learnt, _) in zip(seen, folds, strict=True):
        assert np.array_equal(places, samples.x[learnt])


def test_the_luckiest_of_many_flatters_and_the_nested_score_does_not() -> None:
    """Twelve specs that differ by luck alone: the mean of four normal scores has half their deviation."""

    def draw(samples: Samples, spec: ModelSpec, fold: nested.Split) -> float:
        seen = samples.x[fold[1]].astype(int).tolist()
        return np.random.default_rng([spec.seed, *seen]).normal(0.5, 0.1)

    def pick(part: Samples) -> ModelSpec:
        return choose(part, SPECS, random_split(part, 4, 1), measure=draw).spec

    samples = make_samples(80, seed=3)
    splits = [random_split(samples, 4, seed) for seed in range(60)]
    promised = [choose(samples, SPECS, folds, measure=draw).score for folds in splits]
    reached = [fold.score for folds in splits for fold in score_nested(samples, folds, pick, measure=draw)]
    expected_largest_of_twelve = 1.629  # standard deviations above the mean
    assert np.mean(promised) == pytest.approx(0.5 + expected_largest_of_twelve * 0.1 / 2, abs=0.015)
    assert np.mean(reached) == pytest.approx(0.5, abs=0.02)


def test_folds_and_scores_that_are_none_are_refused() -> None:
    samples = make_samples(20, seed=4)
    folds = random_split(samples, 2, 0)
    for specs, margin in (([], 0.0), (SPECS, -1.0), (SPECS, float("nan"))):
        with pytest.raises(InputError, match="no choice"):
            choose(samples, specs, folds, margin=margin)
    with pytest.raises(InputError, match="tests what it learnt"):
        choose(samples, SPECS, [(np.arange(20), np.arange(3))])
    with pytest.raises(InputError, match="tests what it learnt"):
        score_nested(samples, [(np.arange(20), np.arange(3))], lambda part: SPECS[0])
    with pytest.raises(InputError, match="Spec 0 scored nan on fold 1"):
        choose(samples, SPECS, folds, measure=lambda _, spec, fold: np.nan if fold is folds[1] else 1.0)


def test_the_example_holds() -> None:
    assert doctest.testmod(nested).failed == 0
