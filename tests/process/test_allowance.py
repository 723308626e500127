"""Graphs that compute without end while they are checked: refused within a second, and in little memory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

import eocene
from eocene.model import InputError
from eocene.process.allowance import MAX_CALLS, MAX_LENGTH
from tests.process.graphs import call

if TYPE_CHECKING:
    from collections.abc import Callable

X = {"from_parameter": "x"}


def chain(length: int, first: dict[str, Any], step: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """Return a graph of nodes each of which takes the result of the one before."""
    nodes = {"n0": first}
    for number in range(1, length):
        nodes[f"n{number}"] = step({"from_node": f"n{number - 1}"})
    nodes[f"n{length - 1}"] = nodes[f"n{length - 1}"] | {"result": True}
    return nodes


def apply(process: str, data: Any, **arguments: Any) -> dict[str, Any]:
    nodes = {"only": call(process, result=True, **arguments)}
    return {"a": call("array_apply", data=data, process={"process_graph": nodes}, result=True)}


PAIR = call("array_create", data=[3, 1])
ENDLESS = {
    "an array joined with itself again and again": chain(
        60, PAIR, lambda n: call("array_concat", array1=n, array2=n)
    ),
    "an array repeated again and again": chain(60, PAIR, lambda n: call("array_create", data=n, repeat=1000)),
    "an array in itself twice, again and again": chain(60, PAIR, lambda n: call("array_create", data=[n, n])),
    "arrays in each other": chain(5_000, PAIR, lambda n: call("array_create", data=[n])),
    "a text joined with itself again and again": chain(
        60, call("text_concat", data=["a", "b"]), lambda n: call("text_concat", data=[n, n])
    ),
    "a text joined a million times": {
        "t": call("text_concat", data=["a" * 900_000], result=False),
        "u": call("text_concat", data=[{"from_node": "t"}] * 200_000, result=True),
    },
    "a long array sorted a thousand times": chain(
        1000, call("array_create", data=[3, 1, 2], repeat=33_000), lambda n: call("sort", data=n)
    ),
    "an array of a billion": {"a": call("array_create", data=[1], repeat=10**9, result=True)},
    "a callback called too often": apply("absolute", [1] * (MAX_CALLS + 1), x=X),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_would_not_end_is_refused_within_a_second(name: str) -> None:
    start = time.process_time()
    with pytest.raises(InputError) as caught:
        eocene.run(ENDLESS[name])
    assert time.process_time() - start < 3  # a busy machine counts double
    assert caught.value.code == "ProcessGraphComplexity"
    assert caught.value.remedy


def test_what_is_long_but_ends_is_computed() -> None:
    assert eocene.run({"a": call("array_create", data=[1, 2], repeat=MAX_LENGTH // 2 - 1, result=True)})
    assert eocene.run(apply("absolute", [-1] * 2_000, x=X)) == [1] * 2_000
    steps = chain(3_000, call("constant", x=1), lambda n: call("add", x=n, y=1))
    assert eocene.run(steps) == 3_000


def test_products_of_integers_do_not_grow_without_end() -> None:
    squares = chain(3_000, call("constant", x=2**60), lambda n: call("multiply", x=n, y=n))
    assert eocene.run(squares) == float("inf")


def test_each_plan_has_an_allowance_of_its_own() -> None:
    graph = apply("absolute", [-1] * (MAX_CALLS // 2), x=X)
    for _ in range(3):
        assert len(eocene.run(graph)) == MAX_CALLS // 2
