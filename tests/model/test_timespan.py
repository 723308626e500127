"""Time spans hold their start and not their end, whoever wrote them."""

from __future__ import annotations

import calendar
import contextlib
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.model import InputError, TimeSpan
from eocene.model.timespan import parse_instant

moments = st.datetimes(datetime(1700, 1, 1), datetime(2250, 1, 1)).map(lambda m: m.replace(microsecond=0))
zones = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


def second(text: str) -> np.datetime64:
    return np.datetime64(text, "s")


# --- instants ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "start", "after"),
    [
        ("2024", "2024-01-01", "2025-01-01"),
        ("2024-12", "2024-12-01", "2025-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2024-02-29", "2024-02-29", "2024-03-01"),
        ("2023-02-28", "2023-02-28", "2023-03-01"),
        ("2024-12-31", "2024-12-31", "2025-01-01"),
        ("1900-02-28", "1900-02-28", "1900-03-01"),
        ("2000-02-28", "2000-02-28", "2000-02-29"),
        ("9999", "9999-01-01", "10000-01-01"),
        ("0000-12-31", "0000-12-31", "0001-01-01"),
    ],
)
def test_a_date_month_or_year_starts_and_ends_where_the_calendar_says(
    text: str, start: str, after: str
) -> None:
    assert parse_instant(text) == second(start)
    assert parse_instant(text, end=True) == second(after)


@given(st.dates())
def test_a_month_is_as_long_as_the_calendar_says(day: date) -> None:
    text = f"{day.year:04d}-{day.month:02d}"
    length = parse_instant(text, end=True) - parse_instant(text)
    assert length == np.timedelta64(calendar.monthrange(day.year, day.month)[1], "D")


@given(moments, zones)
def test_an_instant_with_an_offset_is_the_same_moment_in_utc(moment: datetime, zone: timezone) -> None:
    local = moment.replace(tzinfo=UTC).astimezone(zone)
    assert parse_instant(local.isoformat()) == np.datetime64(moment, "s")
    assert parse_instant(moment.isoformat() + "Z") == np.datetime64(moment, "s")
    assert parse_instant(moment.isoformat().lower() + "z") == np.datetime64(moment, "s")


@given(moments)
def test_an_instant_without_an_offset_is_utc_and_its_end_is_itself(moment: datetime) -> None:
    assert parse_instant(moment.isoformat(), end=True) == np.datetime64(moment, "s")


def test_an_offset_can_carry_an_instant_over_the_new_year() -> None:
    assert parse_instant("2023-12-31T23:30:00-01:00") == second("2024-01-01T00:30:00")


def test_fractions_of_a_second_are_cut_off() -> None:
    assert parse_instant("2024-04-30T10:00:00.999Z") == second("2024-04-30T10:00:00")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "24",
        "2024-13",
        "2023-02-29",
        "2024-04-31",
        "2024-4-3",
        "20240430",
        "2024-W18-1",
        "٢٠٢٤",
        "NaT",
        "2024-04\n",
        "2024-04-30T",
        "2024-04-30T25:00:00Z",
        "0001-01-01T00:00:00+05:00",
    ],
)
def test_what_is_not_a_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="Write a date such as") as caught:
        parse_instant(text)
    assert caught.value.code == "ProcessParameterInvalid"
    assert repr(text) in str(caught.value)


@given(st.text())
def test_any_text_is_a_time_or_an_input_error(text: str) -> None:
    with contextlib.suppress(InputError):
        assert isinstance(parse_instant(text), np.datetime64)


# --- openEO: the end is not included -----------------------------------------------------------


def test_an_openeo_extent_leaves_its_end_out() -> None:
    span = TimeSpan.from_openeo(["2024-04-01", "2024-10-01"])
    assert (span.start, span.end) == (second("2024-04-01"), second("2024-10-01"))
    assert span.contains(second("2024-09-30T23:59:59"))
    assert not span.contains(second("2024-10-01"))


def test_an_openeo_extent_may_be_open_on_one_side() -> None:
    assert TimeSpan.from_openeo(["2024-04-01", None]).contains(second("2200-01-01"))
    assert TimeSpan.from_openeo((None, "2024-04-01")).contains(second("1700-01-01"))
    assert TimeSpan.from_openeo(None) == TimeSpan()


@pytest.mark.parametrize("extent", [[None, None], [], ["2024"], ["2024", "2025", "2026"], "2024/2025", 2024])
def test_what_is_not_a_pair_is_no_openeo_extent(extent: object) -> None:
    with pytest.raises(InputError, match="not a pair"):
        TimeSpan.from_openeo(extent)  # type: ignore[arg-type]


@pytest.mark.parametrize("extent", [[2024, "2025"], ["2024", 2025]])
def test_a_number_is_not_an_instant(extent: object) -> None:
    with pytest.raises(InputError, match="is not a time"):
        TimeSpan.from_openeo(extent)  # type: ignore[arg-type]


@pytest.mark.parametrize("extent", [["2024-04-01", "2024-04-01"], ["2024-04-02", "2024-04-01"]])
def test_an_empty_extent_has_the_code_that_openeo_names(extent: list[str | None]) -> None:
    with pytest.raises(InputError, match="is empty") as caught:
        TimeSpan.from_openeo(extent)
    assert caught.value.code == "TemporalExtentEmpty"


# --- STAC: the end is included -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2024-04/2024-09", "2024-04-01", "2024-10-01"),
        ("2024", "2024-01-01", "2025-01-01"),
        ("2024-04-30", "2024-04-30", "2024-05-01"),
        ("2024-04-01/2024-04-01", "2024-04-01", "2024-04-02"),
        ("2024-04-01T00:00:00Z/2024-04-01T12:00:00Z", "2024-04-01", "2024-04-01T12:00:01"),
        ("2024-04-01T10:00:00Z", "2024-04-01T10:00:00", "2024-04-01T10:00:01"),
    ],
)
def test_a_stac_datetime_holds_its_end(text: str, start: str, end: str) -> None:
    assert TimeSpan.from_stac(text) == TimeSpan(second(start), second(end))


@pytest.mark.parametrize("text", [None, "../..", "/", ".."])
def test_an_open_stac_datetime_holds_all_times(text: str | None) -> None:
    assert TimeSpan.from_stac(text) == TimeSpan()


@given(moments)
def test_a_stac_instant_holds_that_instant_alone(moment: datetime) -> None:
    span = TimeSpan.from_stac(moment.isoformat() + "Z")
    instant = np.datetime64(moment, "s")
    assert span.contains(instant)
    assert not span.contains(instant - 1)
    assert not span.contains(instant + 1)


# --- spans together ----------------------------------------------------------------------------


@given(moments, moments, moments, moments, moments)
def test_an_instant_lies_in_the_intersection_if_it_lies_in_both(
    a: datetime, b: datetime, c: datetime, d: datetime, e: datetime
) -> None:
    if a == b or c == d:
        return
    first = TimeSpan(*(np.datetime64(m, "s") for m in sorted((a, b))))
    second_span = TimeSpan(*(np.datetime64(m, "s") for m in sorted((c, d))))
    instant = np.datetime64(e, "s")
    in_both = first.contains(instant) and second_span.contains(instant)
    common: TimeSpan | None = None
    with contextlib.suppress(InputError):
        common = first.intersect(second_span)
    assert (common is not None and common.contains(instant)) == in_both


def test_spans_that_only_touch_have_nothing_in_common() -> None:
    march, april = TimeSpan.from_stac("2024-03"), TimeSpan.from_stac("2024-04")
    with pytest.raises(InputError, match="is empty"):
        march.intersect(april)


@pytest.mark.parametrize(
    "text", ["../1000-04-09T10:28:27Z", "/1677-12-31T23:59:59Z", "2300-01-01T00:00:00Z/.."]
)
def test_an_open_end_is_open_however_far_the_other_lies(text):
    span = TimeSpan.from_stac(text)
    assert span.start < span.end
    assert not span.contains(np.datetime64("2024-01-01"))
