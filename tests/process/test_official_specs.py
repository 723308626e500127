"""Our descriptions of processes beside openEO's, and our results beside its test cases.

Every difference is listed with its reason; one that goes away or comes in fails.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from eocene.process import registry
from eocene.process.udf import offering
from tests.process.official_cases import read_cases
from tests.process.official_differences import (
    DIFFERENT_RESULTS,
    DIFFERENT_SCHEMAS,
    NEVER_RAISED,
    NOT_OFFERED,
    OF_OURS,
    TOLERATED,
)
from tests.process.official_errata import ERRATA
from tests.process.runners import TrustingRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.process.official_cases import Case

ALL_CASES = 1014
RELEASED = 118


@pytest.fixture(scope="module", autouse=True)
def udfs() -> Iterator[None]:
    """A runner of users' code, so that run_udf is there."""
    with offering(TrustingRunner()):
        yield


@pytest.fixture(scope="module")
def official(real_data: Path) -> Path:
    return real_data / "openeo-process-tests"


@pytest.fixture(scope="module")
def cases(official: Path) -> list[Case]:
    return list(read_cases(official / "tests"))


@pytest.fixture(scope="module")
def answers(cases: list[Case]) -> dict[tuple[str, int], str]:
    """What we gave instead of what was expected, for the cases that fail."""
    found = {(case.process, case.number): case.run() for case in cases}
    return {key: answer for key, answer in found.items() if answer is not None}


def read_specs(folder: Path) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Return process → (ours, openEO's)."""
    pairs = {}
    for ours in registry.specs():
        for path in (folder / f"{ours['id']}.json", folder / "proposals" / f"{ours['id']}.json"):
            if path.exists():
                pairs[ours["id"]] = (ours, json.loads(path.read_text(encoding="utf-8")))
    return pairs


def strip(schema: Any) -> Any:
    """Return a schema without what is only said to people."""
    if isinstance(schema, list):
        return [strip(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    told = ("description", "title", "examples")
    return {k: strip(v) for k, v in schema.items() if k not in told}


def schemas_of(spec: dict[str, Any]) -> dict[str, Any]:
    return {p["name"]: p["schema"] for p in spec["parameters"]} | {"returns": spec["returns"]["schema"]}


def listed(table: dict[str, dict[int, Any]]) -> set[tuple[str, int]]:
    return {(process, number) for process, numbers in table.items() for number in numbers}


def test_every_process_is_one_of_openeo_or_a_known_one_of_ours(official: Path) -> None:
    names = {spec["id"] for spec in registry.specs()}
    others = names - set(read_specs(official))
    assert {name for name in others if not name.startswith("mlm_")} == OF_OURS


def test_openeo_processes_are_all_there_but_for_some_of_its_proposals(official: Path) -> None:
    released, proposed = (
        {path.stem for path in official.glob(form)} for form in ("*.json", "proposals/*.json")
    )
    names = {spec["id"] for spec in registry.specs()}
    assert len(released) == RELEASED
    assert released <= names
    assert proposed - names <= NOT_OFFERED


def test_parameters_have_openeo_names_order_and_defaults(official: Path) -> None:
    for name, (ours, theirs) in read_specs(official).items():
        assert [p["name"] for p in ours["parameters"]] == [p["name"] for p in theirs["parameters"]], name
        for mine, other in zip(ours["parameters"], theirs["parameters"], strict=True):
            said = [(bool(p.get("optional")), p.get("default")) for p in (mine, other)]
            assert said[0] == said[1], (name, mine["name"])


def test_schemas_of_released_processes_are_openeo_schemas_word_by_word(official: Path) -> None:
    pairs = {n: p for n, p in read_specs(official).items() if (official / f"{n}.json").exists()}
    assert len(pairs) == RELEASED
    for name, (ours, theirs) in pairs.items():
        assert schemas_of(ours) == schemas_of(theirs), name


def test_schemas_of_proposed_processes_are_openeo_schemas_but_for_their_words(official: Path) -> None:
    different = {}
    for name, (ours, theirs) in read_specs(official).items():
        mine, other = strip(schemas_of(ours)), strip(schemas_of(theirs))
        different |= {(name, part): mine[part] for part in other if mine[part] != other[part]}
    assert set(different) == set(DIFFERENT_SCHEMAS), different


def test_what_is_tolerated_is_not_described() -> None:
    tolerant = {s["id"] for s in registry.specs() if (d := registry.get(s["id"])).absent or d.nodata}
    assert tolerant == set(TOLERATED)
    described = registry.get("load_collection").spec["parameters"]
    assert [p["name"] for p in described if not p.get("optional")] == [
        "id",
        "spatial_extent",
        "temporal_extent",
    ]
    complete = registry.get("load_collection").check_arguments({"id": "x"}, "node")
    assert complete["spatial_extent"] is complete["temporal_extent"] is None


def test_processes_stand_in_openeo_categories(official: Path) -> None:
    pairs = read_specs(official)
    assert {n: o["categories"] for n, (o, _) in pairs.items()} == {
        n: t["categories"] for n, (_, t) in pairs.items()
    }


def test_what_openeo_only_proposes_is_marked_as_experimental(official: Path) -> None:
    pairs = read_specs(official).items()
    marked, proposed = ({n for n, pair in pairs if pair[i].get("experimental")} for i in (0, 1))
    assert marked == proposed


def test_errors_of_processes_have_openeo_names(official: Path) -> None:
    unknown, silent = set(), set()
    for name, (ours, theirs) in read_specs(official).items():
        mine, others = (set(spec.get("exceptions", {})) for spec in (ours, theirs))
        unknown |= {(name, code) for code in mine - others}
        silent |= {(name, code) for code in others - mine}
    assert not unknown
    assert silent == set(NEVER_RAISED)


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


def test_every_official_case_is_run_and_gives_what_openeo_expects(
    cases: list[Case], answers: dict[tuple[str, int], str]
) -> None:
    known = listed(DIFFERENT_RESULTS) | listed(ERRATA)
    assert len(cases) == ALL_CASES
    assert not {key: answer for key, answer in answers.items() if key not in known}
    assert set(answers) == known


def test_the_cases_that_contradict_themselves_are_met_when_that_is_corrected(cases: list[Case]) -> None:
    wrong = {}
    for case in cases:
        erratum = ERRATA.get(case.process, {}).get(case.number)
        answer = case.corrected(erratum.changes).run() if erratum else None
        if answer is not None:
            wrong[case.process, case.number] = answer
    assert not wrong
