"""Graphs that are none: of wrong types, or text that is no strict JSON. Each is refused with the reason."""

from __future__ import annotations

import copy
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eocene.process.graph import load_graph, parse_graph
from eocene.process.strict_json import copy_plain
from tests.attack.refusing import BIG, INVALID, MISSING, argument, refuse
from tests.process.graphs import call

if TYPE_CHECKING:
    from pathlib import Path

NO_JSON = {
    "bytes": b"abc", "a set": {1, 2}, "a complex number": 1j, "an array": np.arange(3), "an object": object(),
    "a function": print, "a type": int, "a time": np.datetime64("2024-01-01"), "a range": range(5),
    "a structure": np.zeros(1, "c16")[0], "a long double": np.longdouble(1), "an iterator": iter([]),
    "a bytearray": bytearray(b"x"), "an ellipsis": ..., "an exception": ValueError("x"),
    "NaN": math.nan, "infinity": math.inf, "minus infinity": -math.inf, "numpy's NaN": np.float32("nan"),
    "a huge integer": 10**5000, "a huge negative integer": -(10**5000),
    "half a character": "\ud800", "a null character": "a\0b", "a key with half a character": {"\udfff": 1},
    "a key that is a number": {1: 2}, "a key that is None": {None: 2}, "a key that is a tuple": {(1, 2): 3},
}  # fmt: skip


@pytest.mark.parametrize("name", NO_JSON)
def test_what_json_has_not_is_refused_wherever_it_stands(name: str) -> None:
    value = NO_JSON[name]
    inner = {"process_graph": {"m": call("absolute", x=value, result=True)}}
    for graph in (
        argument(value),
        argument([1, value]),
        argument((1, value)),
        argument({"a": {"b": value}}),
        {"n": call("apply", data=1, process=inner, result=True)},
    ):
        assert refuse(graph).code == INVALID
    for node in (
        {"process_id": value, "arguments": {}, "result": True},
        {"process_id": "pi", "arguments": value, "result": True},
        {"process_id": "pi", "arguments": {}, "result": value},
        value,
    ):
        assert refuse({"n": node}).code == INVALID


WRONG = [None, 0, 1, 1.5, "yes", "", True, False, [], {}, [1], {"a": 1}, {"from_node": "n"}]


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_wrong_types_are_refused_in_every_place(value: Any) -> None:
    graphs: list[Any] = [{"n": value}, {"process_graph": value}, {"process": value}]
    if not isinstance(value, str):
        graphs += [{"n": {"process_id": value, "arguments": {}, "result": True}}, value]
        graphs += [argument({"from_node": value}), argument({"from_parameter": value})]
    if not isinstance(value, dict) or "from_node" in value:
        graphs += [{"n": {"process_id": "absolute", "arguments": value, "result": True}, "m": value}]
        graphs += [argument({"process_graph": value})]
    if not isinstance(value, bool):
        graphs += [{"n": {"process_id": "pi", "arguments": {}, "result": value}}]
    for graph in graphs:
        assert refuse(graph).code in (INVALID, MISSING)


@pytest.mark.parametrize("key", [1, None, 2.5, (1,), b"n", frozenset()], ids=repr)
def test_ids_and_argument_names_that_are_no_texts_are_refused(key: Any) -> None:
    assert refuse({key: call("pi", result=True)}).code == INVALID
    assert refuse({"n": {"process_id": "pi", "arguments": {key: 1}, "result": True}}).code == INVALID


@pytest.mark.parametrize("extra", [{"from_parameter": "x"}, {"other": 1}, {"process_graph": {}}], ids=repr)
def test_references_with_more_than_a_name_are_refused(extra: dict[str, Any]) -> None:
    assert refuse(argument({"from_node": "n", **extra})).code == INVALID
    if "from_parameter" not in extra:
        assert refuse(argument({"from_parameter": "n", **extra})).code == INVALID


TEXTS = {
    "NaN": "NaN", "Infinity": "Infinity", "minus Infinity": "-Infinity", "an overflow": "1e999",
    "a number of 5000 digits": "9" * 5000, "half a character": r'"\ud800"', "a null character": r'"\u0000"',
    "the same key twice": '{"a": 1, "a": 2}', "the same key twice, escaped": r'{"a": 1, "\u0061": 2}',
    "a comment": "1 /* one */", "single quotes": "'a'", "a comma too many": "[1,]", "no end": "[1",
    "more behind": "1}} {", "a bare word": "undefined", "hexadecimal": "0x10", "a plus": "+1",
    "a real newline": '"a\nb"',
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_text_that_is_no_strict_json_is_refused_with_the_reason(name: str) -> None:
    text = f'{{"n": {{"process_id": "absolute", "arguments": {{"x": {TEXTS[name]}}}, "result": true}}}}'
    assert refuse(text).code == INVALID
    assert refuse(text.encode()).code == INVALID


def test_a_node_named_twice_is_refused_by_its_name() -> None:
    node = json.dumps(call("pi", result=True))
    assert "'a' twice" in refuse(f'{{"a": {node}, "b": {node}, "a": {node}}}').message


@pytest.mark.parametrize("raw", [b"\xff\xfe{", b"{\xc3\x28}", '{"a": 1}'.encode("utf-16"), b"{\x00}", b"{"])
def test_bytes_that_are_no_json_in_utf_8_are_refused(raw: bytes) -> None:
    assert refuse(raw).code == INVALID


def test_a_byte_order_mark_and_escaped_pairs_are_read() -> None:
    text = (
        '\ufeff{"n": {"process_id": "pi", "arguments": {}, "description": "\\ud83d\\ude00", "result": true}}'
    )
    assert parse_graph(load_graph(text.encode())).result == "n"


def test_paths_that_no_file_has_are_refused(tmp_path: Path) -> None:
    for path in ("x" * BIG, "a\0b", "\ud800", str(tmp_path), "/dev/zero", tmp_path / "none"):
        assert refuse(path).code == INVALID


def test_numbers_and_tuples_of_numpy_and_python_become_plain_json() -> None:
    values = (np.float32(1.5), np.int64(3), np.bool_(True), np.str_("a"), 2**70, (1, 2), True, None)
    copied = copy_plain(values, "It")
    assert copied == [1.5, 3, True, "a", 2.0**70, [1, 2], True, None]
    assert [type(v) for v in copied] == [float, int, bool, str, float, list, bool, type(None)]


def test_what_is_read_is_a_copy() -> None:
    graph = argument([{"a": [1, 2]}])
    before = copy.deepcopy(graph)
    parsed = parse_graph(graph)
    graph["n"]["arguments"]["x"][0]["a"].append(3)
    assert parsed.source == before
