"""Random and damaged graphs: whatever comes in, only an openEO error or a plan comes out."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eocene.model import EoceneError
from eocene.process import registry
from eocene.process.graph import load_graph, parse_graph
from eocene.process.strict_json import read_json
from tests.attack.archives import small_archive
from tests.attack.fuzz_graphs import Fuzzer
from tests.attack.fuzz_run import run, shrink, try_graph

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.archive import Archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return small_archive(tmp_path_factory.mktemp("archive"))


def test_ten_thousand_random_graphs_are_planned_or_refused() -> None:
    found = run(10_000, processes=1, seed=1)
    assert found.faults == {}
    assert found.planned + found.refused == 10_000
    assert found.planned > 1_000  # else the graphs would not reach what they are to try


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_million_random_graphs_are_planned_or_refused() -> None:
    found = run(1_000_000, processes=2, seed=1000)
    assert found.faults == {}
    assert found.planned + found.refused == 1_000_000


def test_most_registered_processes_are_reached() -> None:
    stream = itertools.islice(Fuzzer(registry.specs(), 5), 5_000)
    text = repr(list(stream))
    missed = [spec["id"] for spec in registry.specs() if f"'process_id': '{spec['id']}'" not in text]
    assert missed == []


def test_the_stream_follows_from_its_seed() -> None:
    first, again, other = (
        repr(list(itertools.islice(Fuzzer(registry.specs(), seed), 50))) for seed in (3, 3, 4)
    )
    assert first == again != other


def test_a_fault_is_found_and_cut_down_to_its_cause(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_arguments: object) -> None:
        raise RuntimeError

    definition = registry.get("pi")
    monkeypatch.setattr(type(definition), "call", lambda self, *_a, **_k: fail() if self.id == "pi" else 1)
    graph = {
        "a": {"process_id": "pi", "arguments": {}},
        "b": {"process_id": "add", "arguments": {"x": {"from_node": "a"}, "y": 2}, "result": True},
    }
    fault = try_graph(graph, archive)
    assert fault.startswith("RuntimeError")
    small = shrink(graph, fault, archive)
    assert small["a"] == {"process_id": "pi"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["from_node", "process_graph", "process_id", "arguments", "result", "a", "from_parameter"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def answer(read: Callable[[Any], Any], value: Any) -> int:
    """Return the status that a value gets: 200, or that of its error."""
    try:
        read(value)
    except EoceneError as error:
        str(error).encode()  # else no answer could be sent
        return error.status
    return 200


@given(st.dictionaries(st.sampled_from("ab"), JSON, max_size=2) | JSON)
@settings(max_examples=300)
def test_any_structure_is_parsed_or_refused(value: Any) -> None:
    assert answer(lambda graph: parse_graph(load_graph(graph)), value) in (200, 400)


@given(st.binary(max_size=60) | st.text(max_size=60))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text: bytes | str) -> None:
    assert answer(read_json, text) in (200, 400)
