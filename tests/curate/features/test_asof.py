from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.curate.features import find_known_times, measure_drift, pick_known, summarise


def day(number):
    return np.datetime64("2024-01-01", "s") + np.asarray(number) * np.timedelta64(86_400, "s")


def item(seen, published=None):
    told = {"datetime": f"{day(seen)}Z"}
    return {"properties": told | ({} if published is None else {"published": f"{day(published)}.123Z"})}


def test_a_date_is_known_when_the_last_item_of_its_period_was_published():
    items = [item(0, 1), item(9), item(10, 40), item(12), item(25, 20)]
    known = find_known_times(day([0, 10, 20]), items)
    assert known.tolist() == day([9, 40, 25]).tolist()
    assert find_known_times(day([0, 10, 20]), items, 2.5).tolist() == day([11.5, 42.5, 27.5]).tolist()


@given(data=st.data(), dates=st.integers(1, 5), rows=st.integers(1, 6), most=st.sampled_from([None, 3, 30]))
def test_the_newest_value_is_picked_that_was_known_when_asked(data, dates, rows, most):
    times = np.array(sorted(data.draw(st.sets(st.integers(0, 30), min_size=dates, max_size=dates))))
    known = times + np.array(data.draw(st.lists(st.integers(0, 20), min_size=dates, max_size=dates)))
    asked = np.array(data.draw(st.lists(st.integers(-5, 60), min_size=rows, max_size=rows)))
    gone = np.array(data.draw(st.lists(st.booleans(), min_size=rows * dates, max_size=rows * dates)))
    values = np.where(gone, np.nan, np.arange(rows * dates)).reshape(rows, dates, 1).astype(np.float32)
    found = pick_known(values, day(times), day(known), day(asked), most)
    for row in range(rows):
        usable = [
            t for t in range(dates)
            if known[t] <= asked[row] and not np.isnan(values[row, t, 0])
            and times[t] <= asked[row] and (most is None or times[t] >= asked[row] - most)
        ]  # fmt: skip
        if usable:
            assert found.values[row, 0] == values[row, max(usable), 0]
            assert found.times[row] == day(times[max(usable)])
        else:
            assert np.isnan(found.values[row, 0])
            assert np.isnat(found.times[row])


def test_a_shift_is_drift_and_another_draw_is_not():
    rng = np.random.default_rng(0)
    before = summarise(rng.normal(size=(5000, 2)).astype(np.float32), ("a", "b"))
    same = rng.normal(size=(5000, 2)).astype(np.float32)
    moved = same + np.array([0, 1], np.float32)
    assert all(v < 0.02 for v in measure_drift(before, same, ("a", "b")).values())
    drift = measure_drift(before, moved, ("a", "b"))
    assert drift["a"] < 0.02
    # Of two normal distributions one deviation apart the index is 1 without bins, a little less with them.
    assert drift["b"] == pytest.approx(0.95, abs=0.12)


def test_values_that_are_missing_now_are_drift():
    values = np.random.default_rng(1).normal(size=(2000, 1)).astype(np.float32)
    before = summarise(values, ("a",))
    assert before["a"]["mean"] == pytest.approx(values.mean(), abs=1e-6)
    values[:1000] = np.nan
    assert measure_drift(before, values, ("a",))["a"] > 0.25


def test_repeated_values_that_stay_are_no_drift():
    many = np.repeat([0.0, 1.0, 2.0], [700, 200, 100])[:, None].astype(np.float32)
    before = summarise(many, ("a",))
    assert measure_drift(before, many, ("a",))["a"] == 0.0
    constant = np.ones((50, 1), np.float32)
    assert measure_drift(summarise(constant, ("a",)), constant, ("a",))["a"] == 0.0
    assert measure_drift(summarise(constant, ("a",)), constant - 1, ("a",))["a"] > 1
