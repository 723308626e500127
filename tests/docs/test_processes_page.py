"""The page of processes says what the registry says, and the footprints are right."""

from __future__ import annotations

import pytest
from tests.docs.processes_page import PAGE, find_footprint, list_definitions, render

from eocene.process import registry

FOOTPRINTS = {
    "load_collection": "source",
    "add": "pixel",
    "filter_temporal": "pixel",
    "mean": "dimension",
    "reduce_dimension": "dimension",
    "resample_cube_temporal": "dimension",
    "apply_kernel": "neighbourhood",
    "resample_spatial": "neighbourhood",
    "aggregate_spatial": "whole",
    "reduce_spatial": "whole",
    "trim_cube": "whole",
    "dimension_labels": "value",
    "vector_buffer": "value",
    "pi": "value",
}


def test_the_page_is_that_of_the_registry() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == render(), "write it anew: python -m tests.docs.processes_page"


def test_every_process_stands_on_the_page_once() -> None:
    cells = [line.split("`")[1] for line in render().splitlines() if line.startswith("| `")]
    assert sorted(cells) == [definition.id for definition in list_definitions()]
    assert len(cells) > 140


@pytest.mark.parametrize("name", FOOTPRINTS)
def test_a_footprint_is_what_one_would_say_by_hand(name: str) -> None:
    assert find_footprint(registry.get(name)) == FOOTPRINTS[name]
