"""A validation tells of every fault that can be found at once, and of none that follows from another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.serve.conftest import Running

VALIDATION = "/openeo/1.2/validation"
LOAD = {"id": "sentinel-2-l2a", "spatial_extent": None, "temporal_extent": None}


def node(process: str, result: bool = False, **arguments: Any) -> dict[str, Any]:
    return {"process_id": process, "arguments": arguments} | ({"result": True} if result else {})


def of(name: str) -> dict[str, str]:
    return {"from_node": name}


def validate(server: Running, graph: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    answer = server.post(VALIDATION, {"process_graph": graph, **more})
    assert answer.status_code == 200
    return [(error["code"], error["message"]) for error in answer.json()["errors"]]


@pytest.fixture
def own(server: Running) -> Iterator[str]:
    """Store a process of the user that takes nothing."""
    address, graph = "/openeo/1.2/process_graphs/takes_nothing", {"one": node("pi", True)}
    body = {"process_graph": graph, "parameters": []}
    assert server.client.put(address, json=body, headers=server.as_user()).status_code == 200
    yield "takes_nothing"
    assert server.client.delete(address, headers=server.as_user()).status_code == 204


def test_faults_of_separate_branches_are_told_together(server: Running) -> None:
    graph = {
        "red": node("load_collection", **(LOAD | {"id": "nowhere"})),
        "nir": node("load_collection", **LOAD, bands=["B99"]),
        "late": node("filter_temporal", data=of("red"), extent=["2025-01-01", "2024-01-01"]),
        "both": node("merge_cubes", True, cube1=of("late"), cube2=of("nir")),
    }
    found = dict(validate(server, graph))
    assert found.keys() == {"CollectionNotFound", "BandNotAvailable"}
    assert "nowhere" in found["CollectionNotFound"]
    assert "B99" in found["BandNotAvailable"]


def test_every_wrong_argument_of_every_node_is_told_once(server: Running) -> None:
    graph = {
        "load": node("load_collection", **LOAD, colour="red"),
        "missing": node("no_such_process", data=of("load")),
        "mean": node("reduce_dimension", True, data=of("missing"), dimension=5, extra=1),
    }
    codes = sorted(code for code, _ in validate(server, graph))
    assert codes == [
        "ProcessParameterInvalid",  # dimension
        "ProcessParameterRequired",  # reducer
        "ProcessParameterUnsupported",  # colour
        "ProcessParameterUnsupported",  # extra
        "ProcessUnsupported",
    ]


@pytest.mark.parametrize("value", [3, None, {"from_parameter": "nobody"}, {"from_node": "one"}])
def test_an_argument_that_a_process_does_not_have_is_named_wherever_it_stands(
    server: Running, own: str, value: Any
) -> None:
    inner = {"one": node("absolute", x=1), "callback": node("absolute", True, x=-1, y=value)}
    apply = {"data": [1], "process": {"process_graph": inner}}
    graph = {
        "one": node("absolute", x=1),
        "unused": node("absolute", x=-1, y=value),
        "own": node(own, y=value),
        "apply": {"process_id": "array_apply", "arguments": apply},
        "last": node("add", True, x=1, y=2, z=value),
    }
    found = validate(server, graph)
    assert {code for code, _ in found} == {"ProcessParameterUnsupported"}
    for stray, name in (("unused", "y"), ("own", "y"), ("callback", "y"), ("last", "z")):
        assert any(f"'{stray}' has no parameter '{name}'" in message for _, message in found), stray


def test_faults_in_callbacks_are_told_with_those_outside(server: Running) -> None:
    inner = {"process_graph": {"m": node("mean_of_all", True, data={"from_parameter": "data"})}}
    graph = {
        "load": node("load_collection", **(LOAD | {"id": "nowhere"})),
        "mean": node("reduce_dimension", True, data=of("load"), dimension="t", reducer=inner),
    }
    assert {code for code, _ in validate(server, graph)} == {"CollectionNotFound", "ProcessUnsupported"}


def test_open_parameters_are_no_fault_and_hide_none_of_the_calls(server: Running) -> None:
    graph = {
        "load": node("load_collection", **(LOAD | {"id": {"from_parameter": "where"}})),
        "mean": node("reduce_dimension", True, data=of("load"), dimension="t"),
    }
    assert [code for code, _ in validate(server, graph)] == ["ProcessParameterRequired"]


@pytest.mark.parametrize("graph", [{}, {"a": {}}, {"a": {"process_id": 5, "arguments": {}}}, None])
def test_a_graph_without_form_has_one_fault(server: Running, graph: Any) -> None:
    assert len(validate(server, graph)) == 1


def test_a_right_graph_has_none(server: Running) -> None:
    assert validate(server, {"add": node("add", True, x=1, y=2)}) == []
