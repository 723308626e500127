"""Logic with a third value, in numbers and in pixels; and what is no-data, NaN or valid."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from eocene.cube.block import Block
from eocene.process import registry
from tests.process.blocks import DTYPES, make_block, valid_of, wide

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


@pytest.mark.parametrize("ignore_nodata", [True, False])
@pytest.mark.parametrize("name", ["any", "all"])
def test_any_and_all_of_a_list_of_masks_are_those_of_an_array(name: str, ignore_nodata: bool) -> None:
    rows = list(product(TRUTH, repeat=3))
    masks = [truth_block([row[place] for row in rows]) for place in range(3)]
    complete = truth_block([True, False, True] * 9).with_(valid=None)
    narrow = truth_block([True]).pick("t", 0)  # lacks a dimension, so that it is stretched
    for given in (
        masks,
        masks[:1],
        [*masks, complete],
        [complete, complete],
        [*masks, True],
        [*masks, narrow],
    ):
        found = registry.get(name).call({"data": given, "ignore_nodata": ignore_nodata})
        assert (found.dims, found.axis, found.values.dtype) == (masks[0].dims, None, bool)
        columns = [truths(g) if isinstance(g, Block) else [g] for g in given]
        columns = [column if len(column) == 27 else column * 27 for column in columns]
        for answer, row in zip(truths(found), zip(*columns, strict=True), strict=True):
            known = [value for value in row if value is not None]
            settled = (any if name == "any" else all)(known)
            decided = ignore_nodata or len(known) == len(row) or settled == (name == "any")
            assert answer == (settled if decided else None), row


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
