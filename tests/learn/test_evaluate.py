from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.dummy import DummyClassifier

from eocene.curate import random_split
from eocene.learn import ModelSpec, evaluate, train
from eocene.learn.score import count_confusion, score_classes, score_confusion
from eocene.model import InputError

answers = st.lists(st.tuples(st.sampled_from([2, 5, 9]), st.sampled_from([2, 5, 9])), min_size=1, max_size=60)


@given(answers)
def test_scores_equal_those_of_scikit_learn(pairs):
    truth, answer = (np.array(column) for column in zip(*pairs, strict=True))
    confusion = count_confusion(truth, answer, (2, 5, 9))
    np.testing.assert_array_equal(confusion, metrics.confusion_matrix(truth, answer, labels=[2, 5, 9]))
    scores = score_confusion(confusion)
    there = np.unique(truth)
    recall = metrics.recall_score(truth, answer, labels=there, average="macro", zero_division=0)
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(truth, answer))
    assert scores["macro_f1"] == pytest.approx(
        metrics.f1_score(truth, answer, average="macro", zero_division=0)
    )
    assert scores["balanced_accuracy"] == pytest.approx(recall)
    for row in score_classes(confusion, (2, 5, 9)):
        mine, theirs = truth == row["class"], answer == row["class"]
        assert row["support"] == mine.sum()
        assert row["recall"] == (
            None if not mine.any() else pytest.approx((mine & theirs).sum() / mine.sum())
        )
        assert row["precision"] == (
            None if not theirs.any() else pytest.approx((mine & theirs).sum() / theirs.sum())
        )


def test_a_report_pools_the_folds_and_states_their_spread(samples, spec, report):
    folds = random_split(samples, 3, 0)
    truth, answer, accuracies = [], [], []
    for learnt, tested in folds:
        given = train(samples, spec, rows=learnt).classify(samples.features[tested])
        truth.append(samples.labels[tested])
        answer.append(given)
        accuracies.append(metrics.accuracy_score(truth[-1], given))
    score = report.splits["random"]
    assert report.accuracy("random") == pytest.approx(
        metrics.accuracy_score(np.concatenate(truth), np.concatenate(answer))
    )
    assert score.mean["accuracy"] == pytest.approx(np.mean(accuracies))
    assert score.sd["accuracy"] == pytest.approx(np.std(accuracies, ddof=1))
    assert sum(map(sum, score.confusion)) == len(samples)
    assert [fold["test"] for fold in score.folds] == [len(t) for _, t in folds]


def test_the_baseline_is_the_commonest_class_of_the_training_part(samples, report):
    hits = 0
    for learnt, tested in random_split(samples, 3, 0):
        dummy = DummyClassifier(strategy="most_frequent").fit(
            samples.features[learnt], samples.labels[learnt]
        )
        hits += (dummy.predict(samples.features[tested]) == samples.labels[tested]).sum()
    assert report.splits["random"].baseline["accuracy"] == pytest.approx(hits / len(samples))
    assert report.accuracy("random") > report.splits["random"].baseline["accuracy"] + 0.2


def test_the_seed_alone_decides_the_model(samples, spec, model):
    again = train(samples, spec, threads=1).estimate_probabilities(samples.features)
    other = train(samples, replace(spec, seed=2)).estimate_probabilities(samples.features)
    np.testing.assert_array_equal(again, model.estimate_probabilities(samples.features))
    assert not np.array_equal(other, again)


def test_one_class_cannot_be_learnt(samples):
    with pytest.raises(InputError, match=r"1 class\(es\)"):
        train(samples, ModelSpec(settings={"n_estimators": 1}), rows=np.flatnonzero(samples.labels == 11))


@pytest.mark.parametrize(
    ("folds", "fault"),
    [
        ([], "no folds"),
        ([(np.arange(5), np.arange(0))], "empty part"),
        ([(np.arange(5), np.arange(4, 9))], "tests what it learnt"),
    ],
)
def test_a_split_that_cannot_be_scored_is_refused(samples, spec, folds, fault):
    with pytest.raises(InputError, match=fault):
        evaluate(samples, spec, {"odd": folds})
