"""Graphs of a sound form with a hostile content: the plan refuses them, and says which rule they break."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from eocene.process.graph import MAX_NAME
from tests.attack.archives import small_archive
from tests.attack.refusing import BIG, COMPLEX, argument, make_chain, nest_callbacks, refuse
from tests.process.graphs import call

if TYPE_CHECKING:
    from eocene.archive import Archive

UNKNOWN, WRONG, LACKING = "ProcessParameterUnsupported", "ProcessParameterInvalid", "ProcessParameterRequired"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return small_archive(tmp_path_factory.mktemp("archive"))


def load(**arguments: Any) -> dict[str, Any]:
    return {"n": call("load_collection", **{"spatial_extent": None, "temporal_extent": None, **arguments},
                      result=True)}  # fmt: skip


PLANNED: dict[str, tuple[str, dict[str, Any]]] = {
    "a chain of the largest size that ends in an error": (UNKNOWN, make_chain(9_999) | {
        "last": call("absolute", x={"from_node": "n9998"}, y=1, result=True)}),
    "a long list of texts": (WRONG, argument(["a"] * 250_000)),
    "a wide object": (WRONG, argument({str(i): i for i in range(150_000)})),
    "an unknown process of a long name": ("ProcessUnsupported", {"n": call("a" * MAX_NAME, result=True)}),
    "an unknown parameter": (LACKING, argument({"from_parameter": "p" * MAX_NAME})),
    "a process of no parameter": (UNKNOWN, {"n": call("pi", **{"y" * MAX_NAME: 1}, result=True)}),
    "a collection of a long name": ("CollectionNotFound", load(id="c" * BIG)),
    "an extent of texts": (WRONG, load(id="tiny", spatial_extent={
        "west": "a", "south": "a", "east": "a", "north": "a"})),
    "an extent without end": (WRONG, load(id="tiny", spatial_extent={
        "west": -1e308, "south": -1e308, "east": 1e308, "north": 1e308})),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANNED)
def test_a_sound_form_with_a_hostile_content_is_refused_by_the_plan(name: str, archive: Archive) -> None:
    code, graph = copy.deepcopy(PLANNED[name])
    for node in list(graph)[:-1]:
        graph[node].pop("result", None)
    assert refuse(graph, archive).code == code


@pytest.mark.parametrize("depth", [1, 5, 10, 15])
def test_callbacks_as_deep_as_allowed_are_looked_into(depth: int, archive: Archive) -> None:
    assert refuse(nest_callbacks(depth), archive).code == LACKING


def test_callbacks_deeper_than_allowed_are_not_looked_into(archive: Archive) -> None:
    assert refuse(nest_callbacks(16), archive).code == COMPLEX
