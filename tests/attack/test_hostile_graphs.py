"""Graphs made to break the reader: each gets an openEO error of the 4xx class within a second."""

from __future__ import annotations

import copy
import json
import math
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eocene.model import EoceneError
from eocene.model.errors import LONGEST
from eocene.process import make_plan
from eocene.process.graph import MAX_NAME, load_graph, parse_graph
from eocene.process.strict_json import MAX_BYTES, MAX_VALUES, copy_plain, read_json
from tests.attack.archives import small_archive
from tests.process.graphs import call

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eocene.archive import Archive

BIG = 100_000
INVALID, COMPLEX, MISSING = "ProcessGraphInvalid", "ProcessGraphComplexity", "ProcessGraphMissing"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return small_archive(tmp_path_factory.mktemp("archive"))


def refuse(graph: Any, archive: Archive | None = None) -> EoceneError:
    """Return the error that a graph gets, having looked at what it took and how it reads."""
    start = time.process_time()
    with pytest.raises(EoceneError) as caught:
        make_plan(graph, archive) if archive else parse_graph(load_graph(graph))
    assert time.process_time() - start < 3  # a third of a second, thrice on a busy machine
    error = caught.value
    assert 400 <= error.status < 500
    assert error.remedy
    assert len(str(error)) <= 2 * LONGEST + 1
    str(error).encode()  # else no answer could be sent
    return error


def nest_callbacks(depth: int) -> dict[str, Any]:
    graph: dict[str, Any] = {"n": call("pi", result=True)}
    for _ in range(depth):
        graph = {"n": call("apply", process={"process_graph": graph}, result=True)}
    return graph


def nest_lists(depth: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return {"n": call("absolute", x=value, result=True)}


def nest_objects(depth: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return {"n": call("absolute", x=value, result=True)}


def make_chain(length: int) -> dict[str, Any]:
    nodes = {f"n{i}": call("absolute", x={"from_node": f"n{i - 1}"} if i else 1) for i in range(length)}
    nodes[f"n{length - 1}"]["result"] = True
    return nodes


@pytest.mark.parametrize("make", [nest_callbacks, nest_lists, nest_objects, make_chain])
def test_a_hundred_thousand_levels_or_nodes_are_refused(make: Callable[[int], dict[str, Any]]) -> None:
    graph = make(BIG)
    assert refuse(graph).code == COMPLEX
    take_apart(graph)


def take_apart(graph: Any) -> None:
    """Free level by level what Python would free recursively."""
    while isinstance(graph, dict | list) and graph:
        graph = graph.popitem()[1] if isinstance(graph, dict) else graph.pop()


@pytest.mark.parametrize("pair", ["[]", "{}", ['{"a":', "}"]], ids=["lists", "objects", "named"])
def test_json_text_of_a_hundred_thousand_levels_is_refused(pair: Any) -> None:
    inner = pair[0] * BIG + pair[1] * BIG
    text = f'{{"n": {{"process_id": "absolute", "arguments": {{"x": {inner}}}, "result": true}}}}'
    assert refuse(text).code in (COMPLEX, INVALID)
    assert refuse(text.encode()).code in (COMPLEX, INVALID)
    assert refuse("{" * BIG).code in (COMPLEX, INVALID)


def argument(value: Any) -> dict[str, Any]:
    return {"n": call("absolute", x=value, result=True)}


def test_containers_that_hold_themselves_are_refused() -> None:
    ring: list[Any] = []
    ring.append(ring)
    loop: dict[str, Any] = {}
    loop["a"] = loop
    twins: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    twins[0]["b"], twins[1]["a"] = twins[1], twins[0]
    node = call("apply", result=True)
    node["arguments"]["process"] = {"process_graph": {"n": node}}
    flat: dict[str, Any] = {}
    flat["n"] = flat
    for graph in (argument(ring), argument(loop), argument(twins[0]), {"n": node}):
        assert refuse(graph).code == COMPLEX
    assert refuse(flat).code == COMPLEX
    wrapped: dict[str, Any] = {}
    wrapped["process_graph"] = wrapped
    refuse(wrapped)
    for made in (ring, loop, twins[0], node["arguments"], flat, wrapped):
        made.clear()


def test_a_few_containers_that_stand_for_billions_of_values_are_refused() -> None:
    value: Any = ["lol"] * 10
    for _ in range(12):
        value = [value] * 10
    assert refuse(argument(value)).code == COMPLEX
    named: Any = {"a": 1}
    for _ in range(40):
        named = {"a": named, "b": named}
    assert refuse(argument(named)).code == COMPLEX
    graph: dict[str, Any] = {"n": call("pi", result=True)}
    for _ in range(12):
        inner = {"process_graph": graph}
        graph = {"n": call("apply", process=inner, context=inner, also=inner, result=True)}
    assert refuse({"n": call("apply", x=graph, result=True)}).code == COMPLEX


@pytest.mark.parametrize("value", [[0] * (MAX_VALUES + 1), {str(i): i for i in range(MAX_VALUES + 1)}],
                         ids=["list", "object"])  # fmt: skip
def test_arguments_with_too_many_entries_are_refused_as_objects_and_as_text(value: Any) -> None:
    assert refuse(argument(value)).code == COMPLEX
    assert refuse(json.dumps(argument(value))).code == COMPLEX


def test_long_texts_and_names_are_refused_and_not_repeated_in_the_message() -> None:
    long = "x" * (MAX_BYTES + 1)
    assert refuse(argument(long)).code == COMPLEX
    assert refuse(argument({long: 1})).code == COMPLEX
    assert refuse(json.dumps(argument(long))).code == COMPLEX
    name = "ß" * (MAX_NAME + 1)
    for graph in (
        {name: call("pi", result=True)},
        {"n": call(name, result=True)},
        {"n": call("absolute", **{name: 1}, result=True)},
        argument({"from_node": name}),
        argument({"from_parameter": name}),
        argument({"process_graph": {name: call("pi", result=True)}}),
    ):
        assert refuse(graph).code == INVALID


def test_a_megabyte_of_text_is_refused_without_taking_a_hundred() -> None:
    text = json.dumps(argument([[] for _ in range(MAX_VALUES * 2)]))
    tracemalloc.start()
    refuse(text)
    assert tracemalloc.get_traced_memory()[1] < 4 * len(text)
    tracemalloc.stop()


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
    refuse({"n": {"process_id": value, "arguments": {}, "result": True}})
    refuse({"n": {"process_id": "pi", "arguments": value, "result": True}})
    refuse({"n": {"process_id": "pi", "arguments": {}, "result": value}})
    refuse({"n": value})


WRONG = [None, 0, 1, 1.5, "yes", "", True, False, [], {}, [1], {"a": 1}, {"from_node": "n"}]


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_wrong_types_are_refused_in_every_place(value: Any) -> None:
    if not isinstance(value, str):
        refuse({"n": {"process_id": value, "arguments": {}, "result": True}})
        refuse(argument({"from_node": value}))
        refuse(argument({"from_parameter": value}))
    if not isinstance(value, dict) or "from_node" in value:
        refuse({"n": {"process_id": "absolute", "arguments": value, "result": True}} | {"m": value})
        refuse(argument({"process_graph": value}))
    if not isinstance(value, bool):
        refuse({"n": {"process_id": "pi", "arguments": {}, "result": value}})
    refuse({"n": value})
    refuse({"process_graph": value})
    refuse({"process": value})
    refuse(value) if value not in ("yes", "") else None


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
        refuse(path)


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


def test_as_many_values_as_allowed_are_read_within_a_second() -> None:
    text = json.dumps([0] * (MAX_VALUES - 10))
    start = time.process_time()
    assert len(copy_plain(read_json(text), "It")) == MAX_VALUES - 10
    assert time.process_time() - start < 3  # a third of a second, thrice on a busy machine


PLANNED = {
    "a chain of the largest size that ends in an error": make_chain(9_999) | {
        "last": call("absolute", x={"from_node": "n9998"}, y=1, result=True)},
    "a long list of texts": argument(["a"] * 250_000),
    "a wide object": argument({str(i): i for i in range(150_000)}),
    "an unknown process of a long name": {"n": call("a" * MAX_NAME, result=True)},
    "an unknown parameter": argument({"from_parameter": "p" * MAX_NAME}),
    "a process of no parameter": {"n": call("pi", **{"y" * MAX_NAME: 1}, result=True)},
    "a collection of a long name": {"n": call("load_collection", id="c" * BIG, spatial_extent=None,
                                              temporal_extent=None, result=True)},
    "an extent of texts": {"n": call("load_collection", id="tiny", temporal_extent=None, result=True,
                                     spatial_extent=dict.fromkeys(("west", "south", "east", "north"), "a"))},
    "an extent without end": {"n": call("load_collection", id="tiny", temporal_extent=None, result=True,
                                        spatial_extent={"west": -1e308, "south": -1e308, "east": 1e308,
                                                        "north": 1e308})},
}  # fmt: skip


@pytest.mark.parametrize("name", PLANNED)
def test_a_sound_form_with_a_hostile_content_is_refused_by_the_plan(name: str, archive: Archive) -> None:
    graph = copy.deepcopy(PLANNED[name])
    for node in list(graph)[:-1]:
        graph[node].pop("result", None)
    refuse(graph, archive)


def test_callbacks_as_deep_as_allowed_are_planned_or_refused(archive: Archive) -> None:
    for depth in (1, 5, 10, 13, 14, 15, 16):
        refuse(nest_callbacks(depth), archive)
