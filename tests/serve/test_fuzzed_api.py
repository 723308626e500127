"""Whatever is sent to the server, it answers as its OpenAPI document says, never with an error of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.serve.fuzzing.fuzzer import Fuzzed, run_fuzzed, run_schemathesis

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def fuzzed(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    with run_fuzzed(simulated, tmp_path_factory.mktemp("fuzzed")) as server:
        yield server


def report_failures(report: dict[str, Any]) -> str:
    """Return what schemathesis found, in its words; empty for nothing."""
    found = [*report["failures"], *report["errors"]]
    return f"{found}\n{report['output'][:20_000]}" if found or not report["complete"] else ""


@pytest.mark.timeout(900)
def test_a_few_requests_of_each_kind_find_nothing_wrong(fuzzed, tmp_path):
    report = run_schemathesis(
        fuzzed, tmp_path, "--phases", "examples,fuzzing", "--max-examples", "1", "--seed", "1"
    )
    assert report_failures(report) == ""
    assert fuzzed.list_faults() == []
    assert report["operations"]["tested"] == report["operations"]["total"] > 100
    assert report["test_cases"]["generated"] > 100


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("who", "examples", "least"), [("nobody", "10", 5_000), ("users", "60", 10_000)])
def test_thousands_of_requests_find_nothing_wrong(fuzzed, tmp_path, who, examples, least):
    report = run_schemathesis(
        fuzzed, tmp_path, "--max-examples", examples, "--seed", "20260", anonymous=who == "nobody"
    )
    print(f"\n{who}: {report['test_cases']}, phases: {report['phases']}, failures: {report['failures']}")
    assert report_failures(report) == ""
    assert fuzzed.list_faults() == []
    assert {phase["status"] for phase in report["phases"].values()} == {"success"}
    assert report["test_cases"]["generated"] >= least
