"""The commands check a stored data set, write the page, and store the version that is resolved."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.curate.faults import FaultReport
from eocene.testing.simulate.population import draw_biased, simulate_population


@pytest.fixture(scope="module")
def stored(tmp_path_factory, planted_chips):
    """A workspace with faulty chips, a population and a biased draw of it; their ids."""
    folder = tmp_path_factory.mktemp("stored")
    population = simulate_population(1500, 1)
    from eocene.curate.bias import find_facts

    drawn = population.take(draw_biased(find_facts(population), 200, 1).rows)
    chips = planted_chips.samples.take(range(300))
    with eocene.open(folder) as workspace:
        kept = [samples.save(workspace.layout.datasets).name for samples in (chips, population, drawn)]
    return folder, kept


def test_faults_are_told_shown_and_resolved(stored, tmp_path):
    folder, (chips, _, _) = stored
    told = _run("dataset", "check", chips, "-w", folder, "-o", tmp_path / "report", "--drop", "nodata",
                "--keep", "crs", "--because", "a known detour")  # fmt: skip
    assert told["faults"]["nodata"] >= 4
    report = FaultReport.from_json((tmp_path / "report" / "faults.json").read_text())
    assert report.samples_id == chips
    assert "data:image/png" in (tmp_path / "report" / "faults.html").read_text()
    again = _run("dataset", "check", told["resolved"]["id"], "-w", folder)
    assert "nodata" not in again["faults"]


def test_bias_is_told_beside_another_data_set(stored, tmp_path):
    folder, (_, population, drawn) = stored
    told = _run("dataset", "bias", drawn, "--use", population, "-w", folder, "-o", tmp_path)
    assert {line.split(":")[0] for line in told["notable"]} == {"region", "season", "cloud"}
    assert json.loads((tmp_path / "bias.json").read_text())["notable"]
    assert "<svg" in (tmp_path / "bias.html").read_text()


def test_a_data_set_that_is_not_there_is_named(stored):
    folder, _ = stored
    result = CliRunner().invoke(app, ["dataset", "check", "../elsewhere", "-w", str(folder)])
    assert result.exit_code != 0
    assert "There is no data set '../elsewhere'" in str(result.exception)


def _run(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)
