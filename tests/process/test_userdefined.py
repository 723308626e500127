"""Processes that users define: called like any other, expanded in place, never without end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eocene.model import InputError
from eocene.process import make_plan
from tests.cube.scenes import TINY, make_archive, make_scene, random_numbers
from tests.process.graphs import call, callback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive import Archive

LOAD = call("load_collection", id="tiny")


def parameter(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": name, "schema": {}, **more}


def ref(node: str) -> dict[str, str]:
    return {"from_node": node}


def given(name: str) -> dict[str, str]:
    return {"from_parameter": name}


SCALE = {
    "parameters": [parameter("x"), parameter("factor", optional=True, default=10)],
    "process_graph": {"only": call("multiply", x=given("x"), y=given("factor"), result=True)},
}
MEAN_OF_DATES = {
    "parameters": [parameter("cube"), parameter("by", optional=True, default=1)],
    "process_graph": {
        "mean": call("reduce_dimension", data=given("cube"), dimension="t", reducer=callback("mean")),
        "scaled": call(
            "apply",
            data=ref("mean"),
            process={"process_graph": {"s": call("scale", x=given("x"), factor=given("by"), result=True)}},
            result=True,
        ),
    },
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    folder = tmp_path_factory.mktemp("userdefined")
    bands = [{"red": random_numbers(n, TINY.shape, "uint16")} for n in range(3)]
    archive = make_archive(
        folder,
        [make_scene(folder, f"s{n}", f"2024-04-0{n + 1}T10:00:00Z", TINY, b) for n, b in enumerate(bands)],
    )
    yield archive
    archive.close()


def test_a_process_of_the_user_works_on_plain_values_with_its_defaults() -> None:
    graph = {"a": call("scale", x=4), "b": call("scale", x=ref("a"), factor=0.5, result=True)}
    assert make_plan(graph, processes={"scale": SCALE}).run() == 20


def test_a_process_of_the_user_takes_cubes_and_calls_others_inside_callbacks(archive: Archive) -> None:
    graph = {"load": LOAD, "mine": call("mean_of_dates", cube=ref("load"), by=3, result=True)}
    plan = make_plan(graph, archive, processes={"scale": SCALE, "mean_of_dates": MEAN_OF_DATES})
    plain = make_plan(
        {
            "load": LOAD,
            "mean": call(
                "reduce_dimension", data=ref("load"), dimension="t", reducer=callback("mean"), result=True
            ),
        },
        archive,
    )
    np.testing.assert_array_equal(plan.run().values, 3 * plain.run().values)
    assert [n.id for n in plan.nodes.nodes] == ["load", "mine/mean", "mine/scaled"]


def test_a_name_of_the_user_goes_before_a_name_of_ours() -> None:
    own = {
        "parameters": [parameter("x")],
        "process_graph": {"only": call("add", x=given("x"), y=1, result=True)},
    }
    graph = {"a": call("absolute", x=-5, result=True)}
    assert make_plan(graph, processes={"absolute": own}).run() == -4
    graph["a"]["namespace"] = "backend"
    assert make_plan(graph, processes={"absolute": own}).run() == 5
    graph["a"]["namespace"] = "user"
    with pytest.raises(InputError, match="has defined no process 'absolute'"):
        make_plan(graph)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [({}, "ProcessParameterRequired"), ({"x": 1, "y": 2}, "ProcessParameterUnsupported")],
)
def test_wrong_arguments_name_the_process_and_the_parameter(arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError, match="'scale' in node 'a'") as caught:
        make_plan({"a": call("scale", result=True, **arguments)}, processes={"scale": SCALE})
    assert caught.value.code == code


def calling(*names: str) -> dict[str, Any]:
    nodes = {f"n{i}": call(name, x=given("x")) for i, name in enumerate(names)}
    nodes["end"] = call("add", x=given("x"), y=1, result=True)
    return {"parameters": [parameter("x")], "process_graph": nodes}


def inside_a_callback(name: str) -> dict[str, Any]:
    inner = {"process_graph": {"c": call(name, x=given("x"), result=True)}}
    nodes = {"end": call("array_apply", data=[1, 2], process=inner, result=True)}
    return {"parameters": [parameter("x")], "process_graph": nodes}


ENDLESS = {
    "itself": {"a": calling("a")},
    "each other": {"a": calling("b"), "b": calling("c"), "c": calling("a")},
    "itself in a callback": {"a": inside_a_callback("a")},
    "a thousand million nodes": {
        **{f"p{n}": calling(f"p{n + 1}", f"p{n + 1}") for n in range(30)},
        "p30": calling(),
        "a": calling("p0"),
    },
    "a chain of 50,000": {
        **{f"q{n}": calling(f"q{n + 1}") for n in range(50_000)},
        "q50000": calling(),
        "a": calling("q0"),
    },
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_calls_itself_or_grows_without_end_is_refused_at_once(name: str) -> None:
    started = time.process_time()
    with pytest.raises(InputError) as caught:
        make_plan({"start": call("a", x=1, result=True)}, processes=ENDLESS[name])
    assert caught.value.code == "ProcessGraphComplexity"
    assert time.process_time() - started < 1


def test_a_broken_stored_graph_names_the_process() -> None:
    broken = {"parameters": [], "process_graph": {"x": {"process_id": 3}}}
    with pytest.raises(InputError, match="user-defined process 'a'"):
        make_plan({"start": call("a", result=True)}, processes={"a": broken})
