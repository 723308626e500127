"""Arrays: the same of lists, of labelled arrays, and of each pixel of a cube."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import eocene
from eocene.cube.block import Block
from eocene.model import InputError
from eocene.process import registry
from eocene.process.callback import Callback
from eocene.process.graph import parse_graph
from eocene.process.methods.series import entries_of, labels_of
from tests.process.graphs import call

DTYPES = ("uint8", "int16", "uint16", "int32", "float32", "float64")
X, INDEX, LABEL = ({"from_parameter": name} for name in ("x", "index", "label"))
DATES = tuple(np.datetime64("2024-01-01", "s") + np.timedelta64(10 * i, "D") for i in range(40))


def run(process: str, /, **arguments: Any) -> Any:
    definition = registry.get(process)
    return definition.call(definition.check_arguments(arguments, "node"))


def callback(process: str, /, **arguments: Any) -> Callback:
    return Callback(parse_graph({"only": call(process, result=True, **arguments)}), {}, "test")


def labelled(**entries: Any) -> Block:
    return run("array_create_labeled", data=list(entries.values()), labels=list(entries))


@st.composite
def series(draw: st.DrawFn, dtypes: tuple[str, ...] = DTYPES) -> Block:
    """An array for each of a few pixels, with gaps, its axis not always in front."""
    length, gaps = draw(st.integers(1, 7)), draw(st.booleans())
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    position = draw(st.integers(0, 2))
    shape = [2, 3]
    shape.insert(position, length)
    dims = ["y", "x"]
    dims.insert(position, "t")
    values = random.integers(0, 5, shape).astype(draw(st.sampled_from(dtypes)))
    valid = random.random(shape) < 0.7 if gaps else None
    labels = {"t": DATES[:length], "y": (0.0, 1.0), "x": (0.0, 1.0, 2.0)}
    return Block(values, tuple(dims), labels, valid, axis="t")


def lists(block: Block) -> dict[tuple[int, int], list[Any]]:
    """Return each pixel's array as a plain list."""
    values = block.values.transpose([block.dims.index(d) for d in (block.axis or "", "y", "x")])
    valid = np.ones(block.values.shape, bool) if block.valid is None else block.valid
    valid = valid.transpose([block.dims.index(d) for d in (block.axis or "", "y", "x")])
    return {
        (y, x): [v.item() if ok else None for v, ok in zip(values[:, y, x], valid[:, y, x], strict=True)]
        for y in range(2)
        for x in range(3)
    }


def at(found: Any, y: int, x: int) -> Any:
    """Return what a result holds for a pixel: a list, or a value."""
    if not isinstance(found, Block):
        return found
    if found.axis is not None:
        return lists(found)[y, x]
    cell = found.pick("y", y).pick("x", x)
    return None if cell.valid is not None and not cell.valid else cell.values.item()


def close(found: Any, expected: Any) -> bool:
    """Tell whether values or arrays have the same gaps and nearly the same numbers."""
    pairs = itertools.zip_longest(np.atleast_1d(found), np.atleast_1d(expected), fillvalue="none")
    return all(a is b if None in (a, b) or "none" in (a, b) else np.isclose(a, b, 1e-6, 0) for a, b in pairs)


OF_ONE_LENGTH: dict[str, dict[str, Any]] = {
    "order, no-data last": {"process": "order", "nodata": True},
    "order, descending, no-data first": {"process": "order", "asc": False, "nodata": False},
    "sort, no-data last": {"process": "sort", "nodata": True},
    "sort, descending, no-data first": {"process": "sort", "asc": False, "nodata": False},
    "quantiles": {"process": "quantiles", "probabilities": [0, 0.1, 0.5, 0.77, 1]},
    "quantiles, no-data counting": {"process": "quantiles", "q": 4, "ignore_nodata": False},
    "extrema": {"process": "extrema"},
    "cumsum": {"process": "cumsum"},
    "cumsum, no-data counting": {"process": "cumsum", "ignore_nodata": False},
    "cumproduct": {"process": "cumproduct"},
    "cummax": {"process": "cummax"},
    "cummin": {"process": "cummin"},
    "product": {"process": "product"},
    "product, no-data counting": {"process": "product", "ignore_nodata": False},
    "median": {"process": "median"},
    "first": {"process": "first"},
    "last, no-data counting": {"process": "last", "ignore_nodata": False},
    "count": {"process": "count"},
    "count of ones": {"process": "count", "condition": callback("eq", x=X, y=1)},
    "contains": {"process": "array_contains", "value": 3},
    "find": {"process": "array_find", "value": 1},
    "find the last": {"process": "array_find", "value": 1, "reverse": True},
    "find null": {"process": "array_find", "value": None},
    "append": {"process": "array_append", "value": 2},
    "append null": {"process": "array_append", "value": None},
    "modify": {"process": "array_modify", "values": [1, None], "index": 1, "length": 2},
    "apply": {"process": "array_apply", "process_": callback("add", x=X, y=INDEX)},
    "indices": {"process": "array_apply", "process_": callback("constant", x=INDEX)},
    "filter by index": {"process": "array_filter", "condition": callback("gt", x=INDEX, y=0)},
    "the one at": {"process": "array_element", "index": 3, "return_nodata": True},
    "rearranged": {"process": "rearrange", "order": [0, 0]},
}


@pytest.mark.parametrize("name", OF_ONE_LENGTH)
@given(block=series())
@settings(max_examples=20)
def test_a_cube_gives_what_the_list_of_each_pixel_gives(name: str, block: Block) -> None:
    arguments = {k: v for k, v in OF_ONE_LENGTH[name].items() if k not in ("process", "process_")}
    if "process_" in OF_ONE_LENGTH[name]:
        arguments["process"] = OF_ONE_LENGTH[name]["process_"]
    process = OF_ONE_LENGTH[name]["process"]
    found = registry.get(process).call({"data": block, **_defaults(process, arguments)})
    for (y, x), values in lists(block).items():
        assert close(at(found, y, x), run(process, data=values, **arguments))


def _defaults(process: str, arguments: dict[str, Any]) -> dict[str, Any]:
    complete = registry.get(process).check_arguments({"data": [], **arguments}, "node")
    return {k: v for k, v in complete.items() if k != "data"}


@given(block=series(("bool", *DTYPES)))
def test_sorting_is_rearranging_by_order_and_puts_removed_nodata_behind(block: Block) -> None:
    found = run("sort", data=block)
    again = run("rearrange", data=block, order=run("order", data=block))
    assert found.values.dtype == block.values.dtype
    for (y, x), values in lists(block).items():
        kept = sorted(v for v in values if v is not None)
        assert at(found, y, x) == at(again, y, x) == kept + [None] * (len(values) - len(kept))


@given(
    block=series(("float32", "float64")),
    p=st.lists(st.integers(0, 100).map(lambda n: n / 100), min_size=1, max_size=4).map(sorted),
)
def test_quantiles_are_those_of_numpy(block: Block, p: list[float]) -> None:
    found = run("quantiles", data=block, probabilities=p)
    for (y, x), values in lists(block).items():
        known = [v for v in values if v is not None]
        assert close(at(found, y, x), np.quantile(known, p) if known else [None] * len(p))


@given(st.lists(st.floats(-1e6, 1e6) | st.none(), max_size=8))
def test_running_sums_are_those_of_numpy_without_the_gaps(values: list[float | None]) -> None:
    known = np.array([v for v in values if v is not None])
    for process, oracle in (("cumsum", np.cumsum), ("cummax", np.maximum.accumulate)):
        found = run(process, data=values)
        assert [v is None for v in found] == [v is None for v in values]
        np.testing.assert_allclose([v for v in found if v is not None], oracle(known), rtol=1e-12)


@given(st.lists(st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats() | st.text()))
def test_lists_of_any_values_pass_through_unchanged(values: list[Any]) -> None:
    texts = [json.dumps(v) for v in values]
    for found in (
        run("array_concat", array1=values, array2=[]),
        run("array_modify", data=[], values=values, index=0),
        run("array_apply", data=values, process=callback("constant", x=X)),
        run("array_filter", data=[*values, 0], condition=callback("lt", x=INDEX, y=len(values))),
        entries_of(run("array_create_labeled", data=values, labels=[f"L{i}" for i in range(len(values))]))
        if not any(isinstance(v, int | float) for v in values)
        else values,
    ):
        assert [json.dumps(v) for v in found] == texts


def test_labels_follow_their_entries() -> None:
    array = labelled(B1=1, B2=None, B3=3)
    assert labels_of(run("array_append", data=array, value=4)) == ("B1", "B2", "B3", 3)
    assert labels_of(run("array_modify", data=array, values=labelled(B9=0), index=1)) == (
        "B1",
        "B9",
        "B2",
        "B3",
    )
    assert labels_of(run("array_modify", data=array, values=[0], index=1)) is None
    assert labels_of(run("array_filter", data=array, condition=callback("neq", x=LABEL, y="B2"))) == (
        "B1",
        "B3",
    )
    assert entries_of(run("array_apply", data=array, process=callback("add", x=X, y=1))) == [2, None, 4]
    assert run("array_element", data=array, label="B3") == 3
    assert run("array_labels", data=array) == ["B1", "B2", "B3"]


def test_times_are_found_in_any_form_and_written_in_one() -> None:
    block = Block(np.arange(2.0), ("t",), {"t": DATES[:2]}, axis="t")
    for text in ("2024-01-11T00:00:00Z", "2024-01-11", "2024-01-11T00:00:00"):
        assert run("array_element", data=block, label=text) == 1
        assert run("array_find_label", data=block, label=text) == 1
    assert run("array_labels", data=block) == ["2024-01-01T00:00:00Z", "2024-01-11T00:00:00Z"]
    later = callback("date_between", x=LABEL, min="2024-01-05", max="2024-02-01")
    assert entries_of(run("array_filter", data=block, condition=later)) == [1]


def test_dates_are_sorted_as_instants_not_as_texts() -> None:
    dates = ["2024-01-01T00:30:00+01:00", "2024-01-01", None, "2023-12-31T23:45:00Z"]
    assert run("order", data=dates) == [0, 3, 1]
    assert run("sort", data=dates, asc=False, nodata=True) == [dates[1], dates[3], dates[0], None]


def test_nan_is_sorted_behind_all_numbers_and_spoils_quantiles() -> None:
    nan = float("nan")
    for asc in (True, False):
        assert run("order", data=[nan, 1, None, -1], asc=asc, nodata=True)[2:] == [0, 2]
    assert np.isnan(run("quantiles", data=[nan, 1, None], probabilities=[0.5])).all()


@pytest.mark.parametrize(
    ("process", "arguments", "code"),
    [
        ("array_append", {"data": [1], "value": 2, "label": "a"}, "ArrayNotLabeled"),
        ("array_append", {"data": labelled(a=1), "value": 2, "label": "a"}, "LabelExists"),
        ("array_concat", {"array1": labelled(a=1), "array2": labelled(a=2)}, "ArrayLabelConflict"),
        ("array_modify", {"data": [1], "values": [], "index": 2}, "ArrayElementNotAvailable"),
        ("array_create_labeled", {"data": [1], "labels": []}, "ArrayLengthMismatch"),
        ("array_create_labeled", {"data": [1, 2], "labels": ["a", "a"]}, "LabelExists"),
        ("array_element", {"data": [1], "label": "a"}, "ArrayNotLabeled"),
        ("array_element", {"data": labelled(a=1), "index": 1}, "ArrayElementNotAvailable"),
        ("array_filter", {"data": [1], "condition": callback("add", x=X, y=1)}, "ProcessParameterInvalid"),
        ("rearrange", {"data": [1], "order": [1]}, "ProcessParameterInvalid"),
        ("sort", {"data": ["Zürich", "Aarau"]}, "ProcessParameterInvalid"),
        ("mean", {"data": ["a", "b"]}, "ProcessParameterInvalid"),
        ("quantiles", {"data": [1]}, "QuantilesParameterMissing"),
        ("quantiles", {"data": [1], "probabilities": [0.5], "q": 2}, "QuantilesParameterConflict"),
        ("quantiles", {"data": [1], "probabilities": [0.5, 0.1]}, "AscendingProbabilitiesRequired"),
        ("quantiles", {"data": [1], "probabilities": [1.5]}, "ProcessParameterInvalid"),
        ("array_create", {"data": [1], "repeat": 0}, "ProcessParameterInvalid"),
        ("date_shift", {"date": "2024-02-30", "value": 1, "unit": "day"}, "ProcessParameterInvalid"),
        ("date_shift", {"date": "2024-02-03", "value": 9999, "unit": "year"}, "ProcessParameterInvalid"),
    ],
)
def test_what_cannot_be_is_refused_by_its_openeo_code(
    process: str, arguments: dict[str, Any], code: str
) -> None:
    with pytest.raises(InputError) as caught:
        run(process, **arguments)
    assert caught.value.code == code


def test_pixels_that_would_keep_different_numbers_of_values_are_refused_with_a_remedy() -> None:
    block = Block(np.arange(6.0).reshape(2, 1, 3), ("t", "y", "x"), {"t": DATES[:2]}, axis="t")
    with pytest.raises(InputError, match="no-data"):
        run("array_filter", data=block, condition=callback("gt", x=X, y=2))


def test_a_product_too_large_for_its_dtype_is_infinite() -> None:
    cube = xr.DataArray(np.full((3, 2), 1e30, np.float32), dims=("t", "bands"), coords={"bands": ["a", "b"]})
    graph = {
        "p": call(
            "reduce_dimension",
            data={"from_parameter": "cube"},
            dimension="t",
            reducer={"process_graph": {"p": call("product", data={"from_parameter": "data"}, result=True)}},
            result=True,
        )
    }
    assert np.isposinf(eocene.run(graph, parameters={"cube": cube}).values).all()
