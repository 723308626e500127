"""Graphs made to break the reader, and what each of them must get: an error of the 4xx class, soon."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from eocene.model import EoceneError
from eocene.model.errors import LONGEST
from eocene.process import make_plan
from eocene.process.graph import load_graph, parse_graph
from tests.process.graphs import call

if TYPE_CHECKING:
    from eocene.archive import Archive

BIG = 100_000
INVALID, COMPLEX, MISSING = "ProcessGraphInvalid", "ProcessGraphComplexity", "ProcessGraphMissing"


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


def argument(value: Any) -> dict[str, Any]:
    return {"n": call("absolute", x=value, result=True)}
