from __future__ import annotations

import numpy as np
import pytest

from eocene.curate import check_split, leave_region, leave_sensor, leave_year
from eocene.model import InputError


@pytest.fixture
def fields(make_samples):
    """Four fields seen in two crop years, by two sensors."""
    x = np.tile([0.0, 1000.0, 2000.0, 3000.0], 2)
    return make_samples(
        x,
        np.zeros(8),
        np.tile([1, 2], 4),
        columns={
            "region": np.tile(["east", "east", "west", "west"], 2),
            "sensor": np.repeat(["l8", "s2"], 4),
            "time": np.array(["2019-10-01", "2020-03-01"] * 2 + ["2020-10-01", "2021-03-01"] * 2, "M8[D]"),
        },
    )


def test_each_region_is_tested_by_the_others(fields):
    splits = leave_region(fields)
    assert [set(fields.columns["region"][test]) for _, test in splits] == [{"east"}, {"west"}]
    assert [set(fields.columns["region"][train]) for train, _ in splits] == [{"west"}, {"east"}]
    check_split(fields, splits, 1000.0)


def test_a_buffer_takes_the_border_of_the_other_region(fields):
    first, _ = leave_region(fields, buffer_m=1001)
    assert set(fields.x[first[0]]) == {3000.0}


def test_years_may_begin_with_the_sowing(fields):
    splits = leave_year(fields, first_month=9, same_places=True)
    assert [test.tolist() for _, test in splits] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert len(leave_year(fields, same_places=True)) == 3
    check_split(fields, splits, same_places=True)


def test_the_same_fields_in_another_year_are_a_leak_unless_told(fields):
    with pytest.raises(InputError, match="without training samples"):
        leave_year(fields, first_month=9)
    with pytest.raises(InputError, match="without training samples"):
        leave_sensor(fields)
    splits = leave_sensor(fields, same_places=True)
    with pytest.raises(InputError, match="overlap"):
        check_split(fields, splits)


@pytest.mark.parametrize(
    ("split", "arguments", "text"),
    [
        (leave_region, {"column": "country"}, "no column 'country'.*region, sensor, time"),
        (leave_year, {"first_month": 13}, "no month 13"),
        (leave_year, {"same_places": True, "buffer_m": 5.0}, "No buffer can be kept"),
        (leave_sensor, {"buffer_m": -1.0}, "no distance"),
    ],
)
def test_what_cannot_be_left_out_is_refused(split, arguments, text, fields):
    with pytest.raises(InputError, match=text):
        split(fields, **arguments)


def test_gaps_and_single_values_are_refused(make_samples):
    one = make_samples([0, 9], [0, 0], [1, 2], columns={"region": ["a", "a"], "sensor": ["s2", ""]})
    with pytest.raises(InputError, match="single value, a"):
        leave_region(one)
    with pytest.raises(InputError, match="has gaps"):
        leave_sensor(one)
