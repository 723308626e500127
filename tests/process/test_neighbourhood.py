"""Neighbourhoods and windows of pixels beside loops over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eocene.cube.block import Block
from eocene.model import InputError
from eocene.process import registry
from eocene.process.registry import process
from eocene.process.types import Cube
from tests.process.graphs import call, callback
from tests.process.rasters import DATA, PLACE, assert_same_in_a_window, plan_of, random_cube


def sizes(**by_dimension: Any) -> list[dict[str, Any]]:
    """Return sizes in pixels along x and y, in labels or durations along others."""
    return [
        {"dimension": d, "value": v, **({"unit": "px"} if d in ("x", "y") else {})}
        for d, v in by_dimension.items()
    ]


@pytest.fixture
def ranked() -> Any:
    """Offer a process whose answer shows which part of the cube it was given."""

    @process("test")
    def number_pixels(data: Cube) -> Cube:
        """Return the number of pixels of the part, and its number of valid ones behind the comma.

        Parameters
        ----------
        data
            A part.
        """
        valid = np.ones(data.values.shape, bool) if data.valid is None else data.valid
        number = data.values.size + valid.sum() / 10_000
        return data.with_(values=np.full(data.values.shape, number), valid=None)

    yield {"process_graph": {"only": call("number_pixels", data=DATA, result=True)}}
    registry.withdraw("number_pixels")


@given(
    size=st.tuples(st.integers(3, 9), st.integers(4, 9)),
    overlap=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    along=st.sampled_from([(None, None), (1, None), (2, 1)]),
    data=st.data(),
)
@settings(max_examples=8, deadline=None)
def test_neighbourhoods_count_from_the_upper_left_and_reach_over_their_edges(
    size: tuple[int, int], overlap: tuple[int, int], along: tuple[Any, Any], data: st.DataObject
) -> None:
    cube = random_cube()
    plan = plan_of(
        cube,
        "apply_neighborhood",
        process={"process_graph": {"k": call("apply_kernel", data=DATA, kernel=[[1] * 5] * 5, result=True)}},
        size=sizes(y=size[0], x=size[1], t=along[0]),
        overlap=sizes(y=overlap[0], x=overlap[1], t=along[1]),
    )
    filled = np.pad(np.nan_to_num(cube.values), [(0, 0), (0, 0), (20, 20), (20, 20)])
    expected = np.empty(cube.shape)
    for top in range(0, PLACE.height, size[0]):
        for left in range(0, PLACE.width, size[1]):
            rows = range(top - overlap[0] + 20, top + size[0] + overlap[0] + 20)
            cols = range(left - overlap[1] + 20, left + size[1] + overlap[1] + 20)
            part = np.pad(filled[np.ix_(range(3), range(2), rows, cols)], [(0, 0), (0, 0), (2, 2), (2, 2)])
            for r in range(top, min(top + size[0], PLACE.height)):
                for c in range(left, min(left + size[1], PLACE.width)):
                    y, x = r - top + overlap[0], c - left + overlap[1]
                    expected[..., r, c] = part[..., y : y + 5, x : x + 5].sum((-1, -2))
    assert np.allclose(plan.run().values, expected, rtol=1e-5)
    assert_same_in_a_window(plan, data)


def test_what_lies_beyond_the_cube_is_no_data_and_all_parts_are_equally_large(ranked: Any) -> None:
    cube = random_cube(share_missing=0)
    found = plan_of(
        cube, "apply_neighborhood", process=ranked, size=sizes(y=8, x=10), overlap=sizes(y=1, x=2)
    ).run()
    size = 3 * 2 * 10 * 14
    assert set(np.round(found.values.ravel().astype(float), 3).tolist()) == {
        round(size + 6 * rows * cols / 10_000, 3) for rows in (9, 10, 2) for cols in (12, 14, 5)
    }


def test_along_time_the_parts_are_durations_or_numbers_of_labels(ranked: Any) -> None:
    cube = random_cube(share_missing=0)  # 3 and 13 April, 3 May
    pixels = PLACE.width * PLACE.height * 2

    def parts(**arguments: Any) -> list[int]:
        found = plan_of(cube, "apply_neighborhood", process=ranked, **arguments).run()
        return [int(v) // pixels for v in found.values[:, 0, 0, 0]]

    assert parts(size=sizes(t="P1M")) == [2, 2, 1]
    assert parts(size=sizes(t="P10D")) == [1, 1, 1]
    assert parts(size=sizes(t="P10D"), overlap=sizes(t="P10D")) == [2, 2, 1]
    assert parts(size=sizes(t="P1D"), overlap=sizes(t="P20D")) == [2, 3, 2]
    assert parts(size=sizes(t=2)) == [2, 2, 1]
    assert parts(size=sizes(t=1), overlap=sizes(t=1)) == [2, 3, 2]
    assert parts(size=sizes(bands=2)) == [3, 3, 3]


@pytest.mark.parametrize("missing", [0, 0.4])
def test_one_pixel_wide_neighbourhoods_are_arrays_along_time(missing: float) -> None:
    cube = random_cube(share_missing=missing)
    child = callback("cumsum")
    found = plan_of(cube, "apply_neighborhood", process=child, size=sizes(x=1, y=1, bands=1)).run()
    along = plan_of(cube, "apply_dimension", process=child, dimension="t").run()
    assert found.values.tobytes() == along.values.tobytes()
    assert found.dims == cube.dims


def test_one_pixel_high_neighbourhoods_are_arrays_along_x() -> None:
    cube = random_cube(share_missing=0)
    found = plan_of(
        cube, "apply_neighborhood", process=callback("sort", asc=True), size=sizes(x=7, y=1, bands=1, t=1)
    ).run()
    for left in range(0, PLACE.width, 7):
        part = slice(left, left + 7)
        assert np.array_equal(found.values[..., part], np.sort(cube.values[..., part], axis=-1))


@pytest.mark.parametrize(
    ("value", "unit", "equal"), [(70, None, 7), (70, "m", 7), (7, "px", 7), (74, "m", 7), (None, None, 17)]
)
def test_sizes_may_be_pixels_or_metres(ranked: Any, value: Any, unit: Any, equal: int) -> None:
    def run(height: Any, unit: Any) -> np.ndarray:
        size = [{"dimension": "y", "value": height, "unit": unit}]
        found: np.ndarray = (
            plan_of(random_cube(), "apply_neighborhood", process=ranked, size=size).run().values
        )
        return found

    assert np.array_equal(run(value, unit), run(equal, "px"))


@pytest.mark.parametrize(
    ("size", "code"),
    [
        (sizes(z=1), "DimensionNotAvailable"),
        (sizes(x=0), "ProcessParameterInvalid"),
        (sizes(x=1.5), "ProcessParameterInvalid"),
        (sizes(x="P1D"), "ProcessParameterInvalid"),
        (sizes(t="a day"), "ProcessParameterInvalid"),
        (sizes(t=0), "ProcessParameterInvalid"),
        ([{"dimension": "x"}], "ProcessParameterInvalid"),
        (["x"], "ProcessParameterInvalid"),
        ([{"dimension": "x", "value": 5, "unit": "inch"}], "ProcessParameterInvalid"),
        (sizes(bands="P1D"), "ProcessParameterInvalid"),
    ],
)
def test_sizes_that_are_none_are_refused_before_reading(size: Any, code: str) -> None:
    with pytest.raises(InputError) as error:
        plan_of(
            random_cube(), "apply_neighborhood", process=callback("apply_kernel", kernel=[[1]]), size=size
        )
    assert error.value.code == code


def test_a_process_must_keep_the_dimensions() -> None:
    child = callback("reduce_dimension", dimension="t", reducer=callback("mean"))
    with pytest.raises(InputError, match="dimensions") as error:
        plan_of(random_cube(), "apply_neighborhood", process=child, size=sizes(x=5, y=5))
    assert error.value.code == "DataCubePropertiesImmutable"


REDUCERS = {
    "mean": np.mean,
    "max": np.max,
    "median": np.median,
    "sum": np.sum,
    "sd": lambda v: np.std(v, ddof=1),
}


@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    boundary=st.sampled_from(["pad", "trim"]),
    align=st.sampled_from(["upper-left", "upper-right", "lower-left", "lower-right"]),
    reducer=st.sampled_from(sorted(REDUCERS)),
    data=st.data(),
)
@settings(max_examples=25, deadline=None)
def test_windows_of_pixels_are_reduced_from_the_named_corner(
    size: tuple[int, int], boundary: str, align: str, reducer: str, data: st.DataObject
) -> None:
    cube = random_cube()
    plan = plan_of(
        cube,
        "aggregate_spatial_window",
        reducer=callback(reducer),
        size=list(size),
        boundary=boundary,
        align=align,
    )
    found = plan.run()
    values = cube.values
    values = values[..., ::-1, :] if align.startswith("lower") else values
    values = values[..., ::-1] if align.endswith("right") else values
    across, down = size
    counts = [
        -(-length // step) if boundary == "pad" else length // step
        for length, step in ((PLACE.height, down), (PLACE.width, across))
    ]
    expected = np.full((3, 2, *counts), np.nan)
    for place in np.ndindex(expected.shape):
        t, b, r, c = place
        part = values[t, b, r * down : (r + 1) * down, c * across : (c + 1) * across]
        kept = part[np.isfinite(part)]
        if len(kept) > (reducer == "sd"):
            expected[place] = REDUCERS[reducer](kept)
        elif reducer == "sum":
            expected[place] = found.values[0, 0, 0, 0] * np.nan
    expected = expected[..., ::-1, :] if align.startswith("lower") else expected
    expected = expected[..., ::-1] if align.endswith("right") else expected
    assert found.shape == expected.shape
    assert np.allclose(found.values, expected, rtol=1e-4, equal_nan=True)
    if found.size:
        west = PLACE.bounds[2] - found.sizes["x"] * across * 10 if "right" in align else PLACE.bounds[0]
        assert found.x.values[0] == pytest.approx(west + across * 5)
        assert_same_in_a_window(plan, data)


def test_a_window_larger_than_the_cube_is_trimmed_to_nothing() -> None:
    plan = plan_of(
        random_cube(), "aggregate_spatial_window", reducer=callback("mean"), size=[30, 2], boundary="trim"
    )
    assert plan.run().shape == (3, 2, 8, 0)


@pytest.mark.parametrize("changes", [{"size": [0, 1]}, {"size": [2]}, {"boundary": "cut"}, {"align": "top"}])
def test_windows_that_are_none_are_refused_before_reading(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError) as error:
        plan_of(
            random_cube(), "aggregate_spatial_window", reducer=callback("mean"), **{"size": [2, 2], **changes}
        )
    assert error.value.code == "ProcessParameterInvalid"


@pytest.mark.parametrize("reducer", sorted(REDUCERS))
def test_all_pixels_are_reduced_to_one_value(reducer: str) -> None:
    cube = random_cube()
    found = plan_of(cube, "reduce_spatial", reducer=callback(reducer)).run()
    assert found.dims == ("t", "bands")
    for place in np.ndindex(3, 2):
        values = cube.values[place].ravel()
        expected = REDUCERS[reducer](values[np.isfinite(values)].astype(float))
        assert found.values[place] == pytest.approx(expected, rel=1e-5)


def test_a_cube_without_pixels_is_not_reduced_over_them() -> None:
    with pytest.raises(InputError, match="pixels"):
        registry.get("reduce_spatial").call(
            {"data": Block(np.zeros(2), ("t",), {"t": (0, 1)}), "reducer": max, "context": None}
        )
