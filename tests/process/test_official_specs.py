"""Our descriptions of processes beside openEO's, and our results beside its test cases.

Every difference is listed with its reason; one that goes away or comes in fails.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from eocene.process import registry
from tests.process.official_cases import read_cases

if TYPE_CHECKING:
    from pathlib import Path

OF_OURS = {"load_ml_model", "ml_predict"}
"""Processes that openEO does not describe in its released list."""

DIFFERENT_PARAMETERS = {
    ("load_collection", "spatial_extent"): "may be left out, which means null: clients of ours do so",
    ("load_collection", "temporal_extent"): "may be left out, which means null: clients of ours do so",
    ("save_result", "options"): "null and {} mean the same",
}

NO_TEXTS = "arrays of texts are not built: arrays hold numbers"
ONE_TIME = "the temporal dimension is named t"
COMPLETE = "periods without a date are left out, as the description of the process says"
CASE = "the case itself is wrong: "
DIFFERENT_RESULTS: dict[str, dict[int, str]] = {
    "aggregate_temporal": {
        0: ONE_TIME,
        5: CASE + "intervals in January over dates in June",
        6: CASE + "intervals in January over dates in June",
        7: CASE + "intervals in January over dates in June",
        8: CASE + "intervals in January over dates in June",
        9: CASE + "intervals in January over dates in June",
        10: "intervals of times of day are not built",
    },
    "aggregate_temporal_period": {
        0: ONE_TIME, 3: COMPLETE, 4: COMPLETE, 5: COMPLETE, 6: COMPLETE, 7: ONE_TIME, 8: ONE_TIME,
        9: ONE_TIME, 10: COMPLETE, 12: COMPLETE,
    },
    "all": {8: CASE + "the truth table of the description gives no-data"},
    "any": {8: CASE + "the truth table of the description gives no-data"},
    "apply": {2: CASE + "a pixel of no-data has a product"},
    "apply_dimension": {2: CASE + "the cube has no dimension bands"},
    "array_element": {1: NO_TEXTS, 3: CASE + "the label BO2 with a letter O"},
    "array_interpolate_linear": {
        2: "a line from minus infinity is not defined",
    },
    "count": {2: NO_TEXTS, 4: CASE + "its condition is no process graph", 5: CASE + "as case 4"},
    "filter_bands": {
        2: "an unknown band is an error, not an empty cube",
        4: CASE + "red and blue are asked for, blue and green expected",
    },
    "filter_bbox": {
        0: "a box beside the data is an error, not an empty cube",
        3: "pixels are kept that the box touches, not only those whose centre it holds",
        4: "pixels are kept that the box touches, not only those whose centre it holds",
        5: CASE + "its CRS refers to a text file as if it were JSON",
    },
    "filter_temporal": {5: "a span without a date is an error, not an empty cube"},
    "first": {1: NO_TEXTS},
    "last": {1: NO_TEXTS},
    "lte": {15: CASE + "infinity equals itself"},
    "mask": {
        0: CASE + "the mask is taken the other way round",
        1: CASE + "its file does not exist",
        2: CASE + "the mask is taken the other way round",
    },
    "merge_cubes": {3: "cubes that share some labels of a dimension are not merged yet"},
    "reduce_dimension": {1: CASE + "a reference to a node is written as one to a parameter"},
    "rename_labels": {
        0: "labels that are not enumerated are renamed in their order",
        5: CASE + "the required parameter target is missing",
        7: CASE + "the required parameter target is missing",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def official(real_data: Path) -> Path:
    return real_data / "openeo-process-tests"


def read_specs(folder: Path) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Return process → (ours, openEO's)."""
    pairs = {}
    for ours in registry.specs():
        for path in (folder / f"{ours['id']}.json", folder / "proposals" / f"{ours['id']}.json"):
            if path.exists():
                pairs[ours["id"]] = (ours, json.loads(path.read_text(encoding="utf-8")))
    return pairs


def test_every_process_is_one_of_openeo_or_a_known_one_of_ours(official: Path) -> None:
    names = {spec["id"] for spec in registry.specs()}
    assert names - set(read_specs(official)) == OF_OURS


def test_parameters_have_openeo_names_order_and_defaults(official: Path) -> None:
    different = set()
    for name, (ours, theirs) in read_specs(official).items():
        assert [p["name"] for p in ours["parameters"]] == [p["name"] for p in theirs["parameters"]], name
        for mine, other in zip(ours["parameters"], theirs["parameters"], strict=True):
            said = [(bool(p.get("optional")), p.get("default")) for p in (mine, other)]
            if said[0] != said[1]:
                different.add((name, mine["name"]))
    assert different == set(DIFFERENT_PARAMETERS)


def test_every_description_is_complete_json() -> None:
    for spec in registry.specs():
        assert json.loads(json.dumps(spec)) == spec
        assert spec["summary"]
        assert spec["description"]
        assert spec["categories"]
        assert spec["returns"]["schema"]
        for parameter in spec["parameters"]:
            assert parameter["description"] != parameter["name"] or len(parameter["name"]) <= 2, spec["id"]
            assert "schema" in parameter


def test_the_official_cases_give_what_openeo_expects(official: Path) -> None:
    pytest.importorskip("json5", reason="the official cases are JSON5; install json5 to run them")
    wrong: dict[str, dict[int, str]] = {}
    passed = 0
    for name in read_specs(official):
        for case in read_cases(official / "tests", name):
            try:
                answer = case.run()
            except (
                FileNotFoundError,
                ValueError,
            ) as error:  # files of the cases that are missing or no JSON5
                answer = str(error)
            passed += answer is None
            if answer is not None:
                wrong.setdefault(name, {})[case.number] = answer
    unexpected = {
        (name, number): answer
        for name, answers in wrong.items()
        for number, answer in answers.items()
        if number not in DIFFERENT_RESULTS.get(name, {})
    }
    assert not unexpected
    assert {n: set(a) for n, a in wrong.items()} == {n: set(a) for n, a in DIFFERENT_RESULTS.items()}
    assert passed >= 526
