"""Numbers, texts and dates by themselves, and numbers of every dtype in blocks."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eocene.cube.block import Block
from eocene.process import registry

TRIGONOMETRY = {
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "arcsin": math.asin, "arccos": math.acos,
    "arctan": math.atan, "sinh": math.sinh, "cosh": math.cosh, "tanh": math.tanh, "arsinh": math.asinh,
    "arcosh": math.acosh, "artanh": math.atanh,
}  # fmt: skip
INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(lambda d: d.replace(microsecond=0))


def run(process: str, **arguments: Any) -> Any:
    definition = registry.get(process)
    return definition.call(definition.check_arguments(arguments, "node"))


def written(instant: datetime) -> str:
    return f"{instant.isoformat()}Z"


@pytest.mark.parametrize("process", TRIGONOMETRY)
@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "float32", "float64"])
def test_angles_are_those_of_the_mathematical_library_or_nan_outside_the_range(
    process: str, dtype: str
) -> None:
    values = np.array([[0, 1, 2], [1, 0, 3]], dtype)
    valid = np.array([[True, True, True], [True, True, False]])
    found = run(process, x=Block(values, ("a", "b"), {"a": (0, 1), "b": (0, 1, 2)}, valid))
    assert np.array_equal(found.valid, valid)
    for number, result in zip(values[valid], found.values[valid], strict=True):
        try:
            expected = TRIGONOMETRY[process](float(number))
        except ValueError:
            assert np.isnan(result) or np.isinf(result)
            continue
        assert result == pytest.approx(expected, rel=1e-6 if found.values.dtype == np.float32 else 1e-14)


def test_the_angle_of_a_point_knows_its_quadrant() -> None:
    for angle in np.linspace(-3, 3, 13):
        assert run("arctan2", y=math.sin(angle), x=math.cos(angle)) == pytest.approx(angle)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9).filter(lambda y: abs(y) > 1e-3))
def test_the_remainder_has_the_sign_of_the_divisor(x: float, y: float) -> None:
    assert run("mod", x=x, y=y) == pytest.approx(x % y, abs=1e-6)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_halves_are_rounded_to_even_and_integer_parts_cut_towards_zero(x: float) -> None:
    assert run("round", x=x) == round(x)
    assert run("int", x=x) == math.trunc(x)
    assert run("sgn", x=x) == (x > 0) - (x < 0)


def test_powers_of_two_and_ten_have_exact_logarithms() -> None:
    assert [run("log", x=10.0**n, base=10) for n in range(1, 16)] == list(range(1, 16))
    assert [run("log", x=2**n, base=2) for n in range(1, 64)] == list(range(1, 64))


def test_integer_parts_of_nan_are_nodata_in_pixels_too() -> None:
    found = run("int", x=Block(np.array([1.9, np.nan, -1.9]), ("a",), {"a": (0, 1, 2)}))
    assert found.valid.tolist() == [True, False, True]
    assert found.values[found.valid].tolist() == [1, -1]


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8))
def test_texts_are_found_where_they_are(before: str, sought: str, after: str) -> None:
    whole = run("text_concat", data=[before, sought, after])
    assert whole == before + sought + after
    assert run("text_contains", data=whole, pattern=sought)
    assert run("text_begins", data=whole, pattern=before)
    assert run("text_ends", data=whole, pattern=after)
    assert run("text_find", data=whole, pattern=sought) == whole.index(sought)


@given(st.text("aAbBsSß ", max_size=6), st.text("aAbBsSß ", max_size=2))
def test_where_case_does_not_matter_positions_are_those_of_the_text(text: str, sought: str) -> None:
    found = run("text_find", data=text, pattern=sought, case_sensitive=False)
    places = [i for i in range(len(text) + 1) if text[i:].casefold().startswith(sought.casefold())]
    assert found == (places[0] if places else None)


@given(INSTANTS, st.integers(-500, 500), st.sampled_from(["month", "year", "week", "day", "hour", "second"]))
def test_dates_are_shifted_as_pandas_does_it(date: datetime, value: int, unit: str) -> None:
    moved = pd.Timestamp(date) + pd.DateOffset(**{f"{unit}s": value})
    assert run("date_shift", date=written(date), value=value, unit=unit) == written(moved.to_pydatetime())


@given(INSTANTS, INSTANTS)
def test_differences_are_those_of_instants_and_turn_with_their_order(
    first: datetime, second: datetime
) -> None:
    one, other = written(first), written(second)
    for unit, length in (("second", timedelta(seconds=1)), ("week", timedelta(weeks=1))):
        assert run("date_difference", date1=one, date2=other, unit=unit) == (second - first) / length
    for unit in ("month", "year"):
        there = run("date_difference", date1=one, date2=other, unit=unit)
        assert there == -run("date_difference", date1=other, date2=one, unit=unit)


@given(INSTANTS, st.integers(0, 400), st.sampled_from(["month", "year", "day", "millisecond"]))
def test_whole_units_are_counted_as_they_were_shifted(date: datetime, value: int, unit: str) -> None:
    assume(date.day <= 28)
    moved = run("date_shift", date=written(date), value=value, unit=unit)
    assert run("date_difference", date1=written(date), date2=moved, unit=unit) == pytest.approx(value)


def test_offsets_leap_seconds_and_fractions_are_understood() -> None:
    assert run("date_shift", date="2016-12-31T23:59:60Z", value=0, unit="day") == "2017-01-01T00:00:00Z"
    assert run("date_shift", date="2024-03-31T12:00:00+02:00", value=-1, unit="month") == (
        "2024-02-29T12:00:00+02:00"
    )
    assert (
        run("date_difference", date1="2024-01-01", date2="2024-01-01T00:00:00.25Z", unit="millisecond") == 250
    )


@given(INSTANTS, INSTANTS, INSTANTS, st.booleans())
def test_dates_lie_between_others_as_instants_do(
    x: datetime, low: datetime, high: datetime, without: bool
) -> None:
    zone = x.replace(tzinfo=UTC).astimezone().isoformat()
    found = run("date_between", x=zone, min=written(low), max=written(high), exclude_max=without)
    assert found == (low <= x < high if without else low <= x <= high)


def test_times_of_day_are_compared_whatever_the_date() -> None:
    assert run("date_between", x="2024-05-17T23:30:00-02:00", min="01:00:00", max="02:00:00")
    assert not run("date_between", x="12:00:00", min="13:00:00", max="14:00:00")
