from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from eocene.learn.drift import watch_drift
from eocene.model import InputError

NAMES = ("red", "nir", "swir")


def draw(rng, n):
    rows = rng.normal(size=(n, 3)) * [1, 2, 0.5]
    rows[:, 1] += rows[:, 0]
    return rows


@pytest.fixture(scope="module")
def watch():
    return watch_drift(
        draw(np.random.default_rng(0), 4000), NAMES, window=150, false_alarm_rate=0.05, rounds=400
    )


def test_the_gap_is_that_of_scipy(watch):
    rng = np.random.default_rng(1)
    rows = draw(rng, 150)
    expected = max(stats.ks_2samp(rows[:, i], watch.reference[:, i]).statistic for i in range(3))
    assert watch.check(rows).statistic == pytest.approx(expected, abs=1e-12)


def test_windows_like_the_reference_raise_no_more_alarms_than_stated(watch):
    rng = np.random.default_rng(2)
    alarms = sum(watch.check(draw(rng, 150)).is_drift for _ in range(600))
    # 600 windows at 5 %: 30 expected; five standard deviations of it and of the threshold above.
    assert alarms <= 70


def test_a_planted_drift_is_found_and_its_feature_named(watch):
    rng = np.random.default_rng(3)
    for _ in range(20):
        rows = draw(rng, 150)
        rows[:, 2] += 0.4
        told = watch.check(rows)
        assert told.is_drift
        assert told.features[0][0] == "swir"
        assert told.false_alarm_rate == 0.05


def test_more_gaps_are_a_drift(watch):
    rows = draw(np.random.default_rng(4), 150)
    rows[:60, 0] = np.nan
    assert watch.check(rows).features[0][0] == "red"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"window": 300}, "cannot judge windows of 300"),
        ({"names": ("a",)}, "with 1 names"),
        ({"false_alarm_rate": 0.001}, "cannot be told from 1000 rounds"),
    ],
)
def test_promises_that_cannot_be_kept_are_refused(arguments, text):
    with pytest.raises(InputError, match=text):
        watch_drift(np.zeros((1000, 3)), **{"names": NAMES, **arguments})


def test_another_window_is_refused(watch):
    with pytest.raises(InputError, match="Give 150 samples of 3"):
        watch.check(np.zeros((10, 3)))
