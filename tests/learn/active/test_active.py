from __future__ import annotations

import numpy as np
import pytest

from eocene.curate import Samples
from eocene.learn import ModelSpec
from eocene.learn.active import (
    CurvePoint,
    Plan,
    choose_samples,
    choose_unlike,
    count_labels,
    draw_curve,
    label_in_rounds,
    measure_doubt,
)
from eocene.model import InputError

SPEC = ModelSpec("random_forest", settings={"n_estimators": 25})


@pytest.fixture(scope="module")
def rare_classes():
    """Five classes about centres, of which two are rare."""
    rng = np.random.default_rng(0)
    labels = rng.choice(5, 900, p=[0.55, 0.25, 0.12, 0.05, 0.03])
    centres = 1.8 * rng.normal(size=(5, 5))
    features = (centres[labels] + rng.normal(size=(900, 5))).astype(np.float32)
    axes = {"features": tuple("abcde")}
    return Samples(features, labels, np.arange(900.0), np.zeros(900), 32631, axes)


def test_doubt_is_where_the_first_two_classes_are_alike():
    doubt = measure_doubt(np.array([[0.9, 0.05, 0.05], [0.5, 0.5, 0.0], [0.4, 0.35, 0.25]]))
    np.testing.assert_allclose(doubt, [0.15, 1.0, 0.95])


def test_unlike_rows_are_taken_one_of_each_cluster():
    corners = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])
    rows = np.repeat(corners, 10, axis=0) + np.random.default_rng(1).normal(0, 0.1, (40, 2))
    assert {int(row) // 10 for row in choose_unlike(rows, 4)} == {0, 1, 2, 3}
    beyond = choose_unlike(rows, 3, known=corners[:1])
    assert {int(row) // 10 for row in beyond} == {1, 2, 3}
    assert len(choose_unlike(rows, 99)) == 40


def test_of_the_unsure_the_unlike_are_chosen():
    probabilities = np.array([[0.5, 0.5], [0.5, 0.5], [0.51, 0.49], [0.99, 0.01], [1.0, 0.0]])
    vectors = np.array([[0.0], [0.0], [5.0], [50.0], [60.0]])
    assert set(choose_samples(probabilities, vectors, 2, pool=1)) == {0, 1}
    assert set(choose_samples(probabilities[:3], vectors[:3], 2)) in ({0, 2}, {1, 2})


def test_doubt_and_variety_need_at_most_half_the_labels_of_chance(rare_classes):
    pool, held = rare_classes.take(np.arange(600)), rare_classes.take(np.arange(600, 900))
    reached = draw_curve(pool, held, SPEC, Plan(20, 20, 200, "random"))[-1].macro_f1
    curve = draw_curve(pool, held, SPEC, Plan(20, 20, 100, "active"))
    needed = count_labels(curve, reached)
    assert needed is not None
    assert needed <= 100


def test_each_row_is_asked_for_once_and_the_budget_is_kept(rare_classes):
    asked = []

    def ask(rows):
        asked.extend(rows.tolist())
        return rare_classes.labels[rows]

    labelled = label_in_rounds(rare_classes, SPEC, Plan(20, 15, 60), ask, lambda labelled, model: None)
    assert asked == labelled.tolist()
    assert len(set(asked)) == 60


def test_a_score_that_is_never_reached_needs_no_number_of_labels():
    curve = [CurvePoint(10, 0.5), CurvePoint(20, 0.7), CurvePoint(30, 0.6)]
    assert count_labels(curve, 0.6) == 20
    assert count_labels(curve, 0.9) is None


def test_plans_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="is no plan"):
        Plan(first=50, budget=20)
    with pytest.raises(InputError, match="cannot be chosen"):
        choose_samples(np.ones((2, 2)), np.ones((3, 1)), 1)
