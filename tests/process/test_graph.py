"""Reading process graphs: every malformed one gets an answer, quickly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.model import InputError
from eocene.process.graph import MAX_NODES, Graph, load_graph, parse_graph
from eocene.process.strict_json import MAX_DEPTH
from tests.process.graphs import call

if TYPE_CHECKING:
    from pathlib import Path


def ref(node: str) -> dict[str, str]:
    return {"from_node": node}


WRONG = {
    "a list": ([], "ProcessGraphMissing", "empty or not a JSON object"),
    "nothing": ({}, "ProcessGraphMissing", "empty or not a JSON object"),
    "a number": (5, "ProcessGraphMissing", "empty or not a JSON object"),
    "a node that is a list": ({"a": []}, "ProcessGraphInvalid", "'a' has no process_id"),
    "a node without a process": ({"a": {"arguments": {}}}, "ProcessGraphInvalid", "'a' has no process_id"),
    "a process that is a number": ({"a": {"process_id": 1}}, "ProcessGraphInvalid", "'a' has no process_id"),
    "arguments that are a list": (
        {"a": {"process_id": "pi", "arguments": [1]}}, "ProcessGraphInvalid", "arguments of node 'a'",
    ),
    "a dangling reference": (
        {"a": call("absolute", x=ref("b"), result=True)}, "ProcessGraphInvalid", "'a' refers to node 'b'",
    ),
    "a dangling reference in a list": (
        {"a": call("sum", data=[1, {"deep": [ref("b")]}], result=True)}, "ProcessGraphInvalid", "node 'b'",
    ),
    "a circle": (
        {"a": call("absolute", x=ref("b")), "b": call("absolute", x=ref("a"), result=True)},
        "ProcessGraphInvalid", "'a', 'b' refer to each other in a circle",
    ),
    "a node that needs itself": (
        {"a": call("absolute", x=ref("a"), result=True)}, "ProcessGraphInvalid", "'a' refer to each other",
    ),
    "no result": ({"a": call("pi")}, "ProcessGraphInvalid", "0 result nodes"),
    "two results": (
        {"a": call("pi", result=True), "b": call("e", result=True)}, "ProcessGraphInvalid", "2 result nodes",
    ),
    "a dangling reference in a callback": (
        {"a": call("apply", process={"process_graph": {"b": call("absolute", x=ref("a"), result=True)}})},
        "ProcessGraphInvalid", "'b' refers to node 'a', which does not exist in the callback of node 'a'",
    ),
    "a callback that is empty": (
        {"a": call("apply", data=1, process={"process_graph": {}}, result=True)},
        "ProcessGraphInvalid", "0 result nodes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_malformed_graph_is_answered_with_its_fault_and_a_remedy(name: str) -> None:
    graph, code, message = WRONG[name]
    with pytest.raises(InputError) as caught:
        parse_graph(load_graph(graph))
    assert caught.value.code == code
    assert message in caught.value.message
    assert caught.value.remedy


def test_callbacks_and_lists_count_together() -> None:
    graph: dict[str, Any] = {"n": call("pi", result=True)}
    for _ in range(MAX_DEPTH // 4):
        graph = {"n": call("sum", data=[{"process_graph": graph}], result=True)}
    with pytest.raises(InputError) as caught:
        parse_graph(graph)
    assert caught.value.code == "ProcessGraphComplexity"


def test_a_chain_of_the_largest_size_is_ordered() -> None:
    nodes = {f"n{i}": call("absolute", x=ref(f"n{i - 1}") if i else 1) for i in range(MAX_NODES)}
    nodes[f"n{MAX_NODES - 1}"]["result"] = True
    parsed = parse_graph(nodes)
    assert [n.id for n in parsed.nodes] == [f"n{i}" for i in range(MAX_NODES)]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """Return acyclic graphs with their nodes in any order."""
    size = draw(st.integers(1, 12))
    nodes = {}
    for number in range(size):
        others = draw(st.lists(st.integers(0, number - 1), max_size=3)) if number else []
        nodes[f"n{number}"] = call("sum", data=[ref(f"n{o}") for o in others])
    nodes[f"n{draw(st.integers(0, size - 1))}"]["result"] = True
    order = draw(st.permutations(list(nodes)))
    return {key: nodes[key] for key in order}


@given(graphs())
def test_each_node_comes_after_those_it_needs_and_none_is_lost(flat: dict[str, Any]) -> None:
    parsed = parse_graph(flat)
    place = {node.id: i for i, node in enumerate(parsed.nodes)}
    assert set(place) == set(flat)
    for key, node in flat.items():
        for other in node["arguments"]["data"]:
            assert place[other["from_node"]] < place[key]


@given(graphs())
def test_a_parsed_graph_gives_its_json_again(flat: dict[str, Any]) -> None:
    parsed = parse_graph(flat)
    assert json.loads(json.dumps(parsed.source)) == flat
    assert parse_graph(parsed.source) == parsed


def test_a_graph_is_found_in_all_that_a_user_has_at_hand(tmp_path: Path) -> None:
    flat = {"a": call("pi", result=True)}
    path = tmp_path / "graph.json"
    path.write_text(json.dumps({"id": "mine", "process_graph": flat}))

    class Cube:
        def flat_graph(self) -> dict[str, Any]:
            return flat

    for given_graph in (
        flat,
        {"process_graph": flat},
        {"process": {"process_graph": flat}},
        path,
        str(path),
        path.read_text(),
        path.read_bytes(),
        Cube(),
    ):
        assert load_graph(given_graph) == flat


@pytest.mark.parametrize("name", ["process", "process_graph"])
def test_a_node_may_have_any_name(name: str) -> None:
    flat = {name: call("pi", result=True)}
    assert parse_graph(load_graph(flat)).result == name


def test_a_file_that_is_missing_or_no_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json' cannot be read"):
        load_graph(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(InputError, match=r"bad\.json' is not JSON"):
        load_graph(tmp_path / "bad.json")


def test_nested_graphs_are_parsed_where_they_stand() -> None:
    parsed = parse_graph(
        {"a": call("apply", process={"process_graph": {"b": call("pi", result=True)}}, result=True)}
    )
    inner = parsed.nodes[0].arguments["process"]
    assert isinstance(inner, Graph)
    assert inner.result == "b"
