"""Graphs that are endless, deep or large: refused before they take time or memory."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from eocene.process.graph import MAX_NAME
from eocene.process.strict_json import MAX_BYTES, MAX_VALUES, copy_plain, read_json
from tests.attack.refusing import (
    BIG,
    COMPLEX,
    INVALID,
    argument,
    make_chain,
    nest_callbacks,
    nest_lists,
    nest_objects,
    refuse,
)
from tests.process.graphs import call

if TYPE_CHECKING:
    from collections.abc import Callable


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
    assert refuse(wrapped).code == COMPLEX
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
    assert refuse(text).code == COMPLEX
    assert tracemalloc.get_traced_memory()[1] < 4 * len(text)
    tracemalloc.stop()


def test_as_many_values_as_allowed_are_read_within_a_second() -> None:
    text = json.dumps([0] * (MAX_VALUES - 10))
    start = time.process_time()
    assert len(copy_plain(read_json(text), "It")) == MAX_VALUES - 10
    assert time.process_time() - start < 3  # a third of a second, thrice on a busy machine
