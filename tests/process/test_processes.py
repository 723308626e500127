"""Every process beside numpy, on random pixels of several dtypes with no-data among them."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eocene.cube.block import Block
from eocene.model import EoceneError
from eocene.process import registry
from eocene.process.callback import Callback
from eocene.process.graph import parse_graph
from tests.cube.scenes import TINY
from tests.process.graphs import DATA, call

if TYPE_CHECKING:
    from collections.abc import Callable

DTYPES = ("uint8", "uint16", "int16", "int32", "float32", "float64")
TIMES = tuple(np.datetime64("2024-03-01", "s") + np.timedelta64(17 * i, "D") for i in range(7))
X = {"from_parameter": "x"}


def make_block(dtype: str, seed: int = 0, bands: tuple[str, ...] = ("a", "b")) -> Block:
    """Return a cube with no-data, and in floats also NaN and infinity, which are values."""
    random = np.random.default_rng(seed)
    shape = (len(TIMES), len(bands), *TINY.shape)
    if np.dtype(dtype).kind == "f":
        values = random.uniform(-9, 9, shape).astype(dtype)
        values[random.random(shape) < 0.02] = np.nan
        values[random.random(shape) < 0.02] = np.inf
    else:
        info = np.iinfo(dtype)
        values = random.integers(info.min, info.max, shape, endpoint=True).astype(dtype)
    labels = {"t": TIMES, "bands": bands}
    return Block(values, ("t", "bands", "y", "x"), labels, random.random(shape) < 0.75, TINY)


def wide(values: np.ndarray) -> np.ndarray:
    """Promote as promised: 8 and 16 bits to float32, 32 bits to float64."""
    if values.dtype.kind == "f":
        return values
    return values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)


def valid_of(block: Block) -> np.ndarray:
    return np.ones(block.values.shape, bool) if block.valid is None else block.valid


def differences(found: Block, values: np.ndarray, valid: np.ndarray, *, exact: bool = True) -> str:
    """Say how a block differs from what is expected in mask, dtype or the values of what is data."""
    if not np.array_equal(valid_of(found), valid):
        return f"masks differ at {np.argwhere(valid_of(found) != valid)[:3].tolist()}"
    if found.values.dtype != values.dtype:
        return f"{found.values.dtype} instead of {values.dtype}"
    one, two = found.values[valid], values[valid]
    tolerance = 0 if exact else 1e-6 if values.dtype == np.float32 else 1e-12
    same = np.isclose(one, two, tolerance, 0, equal_nan=values.dtype.kind == "f")
    return "" if same.all() else f"{one[~same][:3]} instead of {two[~same][:3]}"


TWO: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.true_divide,
    "normalized_difference": lambda x, y: (x - y) / (x + y), "eq": np.equal, "neq": np.not_equal,
    "gt": np.greater, "gte": np.greater_equal, "lt": np.less, "lte": np.less_equal,
}  # fmt: skip
ONE: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "absolute": ("x", np.abs), "sqrt": ("x", np.sqrt), "exp": ("p", np.exp), "ln": ("x", np.log),
    "floor": ("x", np.floor), "ceil": ("x", np.ceil),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TWO)
def test_two_cubes_are_combined_after_integers_became_floats(name: str, dtype: str) -> None:
    a, b = make_block(dtype, 1), make_block(dtype, 2)
    found = registry.get(name).call({**defaults(name), "x": a, "y": b})
    with np.errstate(all="ignore"):
        expected = TWO[name](wide(a.values), wide(b.values))
    assert not differences(found, expected, valid_of(a) & valid_of(b))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", TWO)
def test_a_cube_and_a_number_are_combined(name: str, dtype: str) -> None:
    a = make_block(dtype, 1)
    with np.errstate(all="ignore"):
        expected = TWO[name](wide(a.values), 3)
    assert not differences(registry.get(name).call({**defaults(name), "x": a, "y": 3}), expected, valid_of(a))
    nothing = registry.get(name).call({**defaults(name), "x": a, "y": None})
    assert not valid_of(nothing).any()


def defaults(name: str) -> dict[str, Any]:
    return {p["name"]: p["default"] for p in registry.get(name).spec["parameters"] if p.get("optional")}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_number_are_those_of_numpy(name: str, dtype: str) -> None:
    parameter, function = ONE[name]
    a = make_block(dtype, 1)
    with np.errstate(all="ignore"):
        expected = function(wide(a.values))
    assert not differences(registry.get(name).call({parameter: a}), expected, valid_of(a), exact=False)


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_clips_scales_and_ranges(dtype: str) -> None:
    a = make_block(dtype, 1)
    v = wide(a.values)
    with np.errstate(all="ignore"):
        assert not differences(registry.get("power").call({"base": a, "p": 2}), v**2, valid_of(a))
        assert not differences(
            registry.get("clip").call({"x": a, "min": -5, "max": 90}), np.clip(v, -5, 90), valid_of(a)
        )
        scaled = (np.clip(v, 0, 50) - 0) / 50 * (8 - 2) + 2
        found = registry.get("linear_scale_range").call(
            {"x": a, "inputMin": 0, "inputMax": 50, "outputMin": 2, "outputMax": 8}
        )
        assert not differences(found, scaled, valid_of(a))
        assert not differences(
            registry.get("between").call({"x": a, "min": 2, "max": 40, "exclude_max": True}),
            (v >= 2) & (v < 40), valid_of(a),
        )  # fmt: skip


def test_an_integer_does_not_overflow() -> None:
    a = Block(np.full(TINY.shape, 255, np.uint8), ("y", "x"), grid=TINY)
    assert registry.get("add").call({"x": a, "y": a}).values[0, 0] == 510
    assert registry.get("subtract").call({"x": 1, "y": a}).values[0, 0] == -254
    b = Block(np.full(TINY.shape, 2**31 - 1, np.int32), ("y", "x"), grid=TINY)
    assert registry.get("multiply").call({"x": b, "y": b}).values[0, 0] == float(2**31 - 1) ** 2


def over_time(function: Callable[[np.ndarray], Any], block: Block) -> tuple[np.ndarray, np.ndarray]:
    """Apply a function to the data of each series in float64, series by series."""
    v, ok = wide(block.values), valid_of(block)
    values, valid = np.zeros(v.shape[1:], v.dtype), np.zeros(v.shape[1:], bool)
    for place in np.ndindex(v.shape[1:]):
        series = v[(slice(None), *place)][ok[(slice(None), *place)]].astype(np.float64)
        answer = function(series)
        valid[place] = answer is not None
        values[place] = 0 if answer is None else answer
    return values, valid


def some(function: Callable[[np.ndarray], float], least: int = 1) -> Callable[[np.ndarray], float | None]:
    def answer(series: np.ndarray) -> float | None:
        if np.isnan(series).any():
            return math.nan
        with np.errstate(all="ignore"):
            return function(series) if len(series) >= least else None

    return answer


REDUCERS = {
    "mean": some(np.mean), "median": some(np.median), "sum": some(np.sum), "min": some(np.min),
    "max": some(np.max),
    "sd": some(lambda s: np.std(s, ddof=1), 2), "variance": some(lambda s: np.var(s, ddof=1), 2),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REDUCERS)
def test_reducers_pass_over_no_data_but_not_over_nan(name: str, dtype: str) -> None:
    block = make_block(dtype, 3)
    found = registry.get(name).call({"data": block.with_(axis="t"), "ignore_nodata": True})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        values, valid = over_time(REDUCERS[name], block)
    finite = np.isfinite(values)  # infinities meet in another order of sums
    assert np.array_equal(valid_of(found)[finite], valid[finite])
    assert found.values.dtype == values.dtype
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(
            found.values[valid & finite], values[valid & finite],
            rtol=2e-6 if values.dtype == np.float32 else 1e-12, atol=1e-6,
        )  # fmt: skip
    assert np.isnan(found.values[valid & np.isnan(values)]).all()


@pytest.mark.parametrize("name", REDUCERS)
def test_a_reducer_that_heeds_no_data_gives_none_where_one_is_missing(name: str) -> None:
    block = make_block("int16", 3)
    found = registry.get(name).call({"data": block.with_(axis="t"), "ignore_nodata": False})
    assert np.array_equal(valid_of(found), valid_of(block).all(axis=0))


def test_the_median_ignores_the_stored_number_behind_no_data() -> None:
    values = np.array([1, 999, 3], np.float32).reshape(3, 1, 1)
    valid = np.array([True, False, True]).reshape(3, 1, 1)
    block = Block(values, ("t", "y", "x"), {"t": TIMES[:3]}, valid, axis="t")
    assert registry.get("median").call({"data": block, "ignore_nodata": True}).values[0, 0] == 2


def test_a_float_result_does_not_depend_on_the_pixels_beside_it() -> None:
    block = make_block("float32", 5).with_(axis="t")
    for name in REDUCERS:
        whole = registry.get(name).call({"data": block, "ignore_nodata": True})
        part = registry.get(name).call(
            {
                "data": block.with_(
                    values=block.values[..., 2:5, 3:4], valid=block.valid[..., 2:5, 3:4], grid=None
                ),
                "ignore_nodata": True,
            }
        )
        assert part.values.tobytes() == np.ascontiguousarray(whole.values[..., 2:5, 3:4]).tobytes(), name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["first", "last"])
def test_first_and_last_are_those_of_a_loop(name: str, dtype: str) -> None:
    block = make_block(dtype, 4)
    found = registry.get(name).call({"data": block.with_(axis="t"), "ignore_nodata": True})
    at = 0 if name == "first" else -1
    for place in np.ndindex(block.values.shape[1:]):
        series = block.values[(slice(None), *place)][valid_of(block)[(slice(None), *place)]]
        assert valid_of(found)[place] == (len(series) > 0)
        if len(series):
            assert np.array_equal(found.values[place], series[at], equal_nan=True)
    strict = registry.get(name).call({"data": block.with_(axis="t"), "ignore_nodata": False})
    assert np.array_equal(valid_of(strict), valid_of(block)[at])


@pytest.mark.parametrize("dtype", DTYPES)
def test_counts_are_of_finite_data_of_all_or_of_those_that_fulfil_a_condition(dtype: str) -> None:
    block = make_block(dtype, 4)
    series, ok = block.with_(axis="t"), valid_of(block)
    count = registry.get("count")
    with np.errstate(invalid="ignore"):
        large = wide(block.values) > 3
    condition = Callback(parse_graph({"c": call("gt", x=X, y=3, result=True)}), {}, "count")
    for given, expected in (
        (None, ok & np.isfinite(wide(block.values))),
        (True, np.ones_like(ok)),
        (condition, ok & large),
    ):
        found = count.call({"data": series, "condition": given, "context": None})
        assert found.valid is None
        assert np.array_equal(found.values, expected.sum(axis=0))


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32", "float64"])
def test_gaps_are_filled_along_the_straight_line_in_time(dtype: str) -> None:
    block = make_block(dtype, 6)
    usable = valid_of(block) & np.isfinite(wide(block.values))
    block = block.with_(valid=usable)
    found = registry.get("array_interpolate_linear").call({"data": block.with_(axis="t")})
    seconds = np.array([(t - TIMES[0]).astype(float) for t in TIMES])
    for place in np.ndindex(block.values.shape[1:]):
        at = (slice(None), *place)
        ok = usable[at]
        inner = np.zeros(len(TIMES), bool)
        if ok.any():
            where = np.flatnonzero(ok)
            inner[where[0] : where[-1] + 1] = True
        assert np.array_equal(valid_of(found)[at], inner)
        if ok.any():
            line = np.interp(seconds[inner], seconds[ok], block.values[at][ok].astype(np.float64))
            np.testing.assert_allclose(found.values[at][inner], line, rtol=1e-5, atol=1e-5)


TRUTH = (True, False, None)
TABLES: dict[str, dict[tuple[Any, Any], Any]] = {
    "and": {
        (x, y): False if False in (x, y) else None if None in (x, y) else True for x in TRUTH for y in TRUTH
    },
    "or": {
        (x, y): True if True in (x, y) else None if None in (x, y) else False for x in TRUTH for y in TRUTH
    },
    "xor": {(x, y): None if None in (x, y) else x != y for x in TRUTH for y in TRUTH},
}


def truth_block(values: list[Any], axis: str | None = None) -> Block:
    numbers = np.array([bool(v) for v in values])[:, None, None]
    valid = np.array([v is not None for v in values])[:, None, None]
    return Block(numbers, ("t", "y", "x"), {"t": tuple(range(len(values)))}, valid, axis=axis)


def truths(block: Block) -> list[Any]:
    return [
        bool(v) if ok else None for v, ok in zip(block.values.ravel(), valid_of(block).ravel(), strict=True)
    ]


@pytest.mark.parametrize("name", TABLES)
def test_logic_knows_the_third_value_in_numbers_and_in_pixels(name: str) -> None:
    table, definition = TABLES[name], registry.get(name)
    for (x, y), expected in table.items():
        assert definition.call({"x": x, "y": y}) is expected, (x, y)
    left, right = truth_block([x for x, _ in table]), truth_block([y for _, y in table])
    assert truths(definition.call({"x": left, "y": right})) == list(table.values())
    for y in TRUTH:
        mixed = definition.call({"x": truth_block(list(TRUTH)), "y": y})
        assert truths(mixed) == [table[x, y] for x in TRUTH]


def test_not_if_any_and_all_know_the_third_value() -> None:
    assert truths(registry.get("not").call({"x": truth_block([True, False, None])})) == [False, True, None]
    found = registry.get("if").call({"value": truth_block([True, False, None]), "accept": 1, "reject": 0})
    assert found.values.ravel().tolist() == [1, 0, 0]
    nothing = registry.get("if").call({"value": truth_block([True, False]), "accept": None, "reject": 5})
    assert valid_of(nothing).ravel().tolist() == [False, True]
    for name, values, heeding in (
        ("any", [False, None], None), ("any", [True, None], True),
        ("all", [True, None], None), ("all", [False, None], False),
    ):  # fmt: skip
        series = truth_block(values, "t")
        strict = registry.get(name).call({"data": series, "ignore_nodata": False})
        assert truths(strict) == [heeding]
        lenient = registry.get(name).call({"data": series, "ignore_nodata": True})
        known = [v for v in values if v is not None]
        assert truths(lenient) == [any(known) if name == "any" else all(known)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_data_is_not_nan(dtype: str) -> None:
    block = make_block(dtype, 7)
    ok, nan = valid_of(block), np.isnan(wide(block.values))
    for name, expected in (
        ("is_nodata", ~ok), ("is_nan", ok & nan), ("is_valid", ok & np.isfinite(wide(block.values))),
    ):  # fmt: skip
        found = registry.get(name).call({"x": block})
        assert found.valid is None, name
        assert np.array_equal(found.values, expected), name


def test_masks_hide_or_replace_and_keep_what_was_hidden() -> None:
    data, where = make_block("int16", 1), make_block("uint8", 2)
    where = where.with_(values=(where.values % 3 == 0))
    hit = where.values & valid_of(where)
    hidden = registry.get("mask").call({"data": data, "mask": where, "replacement": None})
    assert not differences(hidden, data.values, valid_of(data) & ~hit)
    replaced = registry.get("mask").call({"data": data, "mask": where, "replacement": -1})
    assert not differences(replaced, np.where(hit, np.int16(-1), data.values), valid_of(data) | hit)
    one = where.pick("bands", 0)
    assert not differences(
        registry.get("mask").call({"data": data, "mask": one, "replacement": None}),
        data.values, valid_of(data) & ~hit[:, :1],
    )  # fmt: skip


@pytest.mark.parametrize("replacement", [70_000, -1, 0.5])
def test_a_replacement_that_the_dtype_cannot_hold_widens_it(replacement: float) -> None:
    data = make_block("uint16", 1)
    where = data.with_(values=np.ones(data.values.shape, bool), valid=None)
    found = registry.get("mask").call({"data": data, "mask": where, "replacement": replacement})
    assert (found.values == replacement).all()
    assert valid_of(found).all()


def test_ndvi_joins_the_bands_or_takes_their_place() -> None:
    block = make_block("uint16", 1, ("red", "nir"))
    red, nir = (wide(block.values[:, i]) for i in (0, 1))
    with np.errstate(all="ignore"):
        expected = (nir - red) / (nir + red)
    valid = valid_of(block).all(axis=1)
    alone = registry.get("ndvi").call({"data": block, "nir": "nir", "red": "red", "target_band": None})
    assert not differences(alone, expected, valid)
    joined = registry.get("ndvi").call({"data": block, "nir": "nir", "red": "red", "target_band": "ndvi"})
    assert joined.labels["bands"] == ("red", "nir", "ndvi")
    assert not differences(joined.pick("bands", 2), expected, valid)
    assert not differences(joined.pick("bands", 0), red, valid_of(block)[:, 0])


def test_dimensions_and_labels_come_and_go() -> None:
    block = make_block("int16", 1)
    added = registry.get("add_dimension").call(
        {"data": block, "name": "model", "label": "m", "type": "other"}
    )
    assert added.dims == ("model", "t", "bands", "y", "x")
    dropped = registry.get("drop_dimension").call({"data": added, "name": "model"})
    assert not differences(dropped, block.values, valid_of(block))
    renamed = registry.get("rename_labels").call(
        {"data": block, "dimension": "bands", "target": ["z"], "source": ["a"]}
    )
    assert renamed.labels["bands"] == ("z", "b")
    picked = registry.get("filter_bands").call({"data": block, "bands": ["b", "a"], "wavelengths": []})
    assert not differences(picked, block.values[:, ::-1], valid_of(block)[:, ::-1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_cubes_are_merged_along_bands_or_by_a_resolver(dtype: str) -> None:
    a, b = make_block(dtype, 1), make_block(dtype, 2, ("c", "d"))
    merged = registry.get("merge_cubes").call(
        {"cube1": a, "cube2": b, "overlap_resolver": None, "context": None}
    )
    assert not differences(
        merged, np.concatenate([a.values, b.values], 1), np.concatenate([valid_of(a), valid_of(b)], 1)
    )
    both = {"data": [X, {"from_parameter": "y"}]}
    resolver = Callback(parse_graph({"m": call("max", **both, result=True)}), {}, "merge")
    same = make_block(dtype, 2)
    found = registry.get("merge_cubes").call(
        {"cube1": a, "cube2": same, "overlap_resolver": resolver, "context": None}
    )
    va, vb = valid_of(a), valid_of(same)
    x, y = wide(a.values), wide(same.values)
    expected = np.where(va & vb, np.maximum(x, y), np.where(va, x, y))
    assert not differences(found, expected, va | vb)


def test_a_number_in_an_array_of_pixels_keeps_its_digits() -> None:
    a = Block(np.full(TINY.shape, 1.0, np.float64), ("y", "x"), grid=TINY)
    found = registry.get("sum").call({"data": [a, 0.1], "ignore_nodata": True})
    assert found.values[0, 0] == 1.1


def test_an_element_is_taken_by_its_index_or_label() -> None:
    block = make_block("uint16", 1).with_(axis="bands")
    for key in ({"index": 1, "label": None}, {"index": None, "label": "b"}):
        found = registry.get("array_element").call({"data": block, **key, "return_nodata": False})
        assert not differences(found, block.values[:, 1], valid_of(block)[:, 1])
    for index in (2, -1):
        with pytest.raises(EoceneError) as caught:
            registry.get("array_element").call(
                {"data": block, "index": index, "label": None, "return_nodata": False}
            )
        assert caught.value.code == "ArrayElementNotAvailable"


def test_constants() -> None:
    assert registry.get("pi").call({}) == math.pi
    assert registry.get("e").call({}) == math.e


def test_callbacks_are_built_of_nodes() -> None:
    graph = parse_graph(
        {
            "first": call("array_element", data=DATA, index=0),
            "second": call("array_element", data=DATA, index=1),
            "share": call("divide", x={"from_node": "first"}, y={"from_node": "second"}, result=True),
        }
    )
    block = make_block("uint8", 1)
    found = registry.get("reduce_dimension").call(
        {"data": block, "reducer": Callback(graph, {}, "r"), "dimension": "bands", "context": None}
    )
    with np.errstate(all="ignore"):
        expected = wide(block.values[:, 0]) / wide(block.values[:, 1])
    assert not differences(found, expected, valid_of(block).all(axis=1))
