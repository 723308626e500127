"""The commands check a stored data set, write the page, and store the version that is resolved."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.curate import Dataset
from eocene.curate.faults import FaultReport
from eocene.model import ConflictError
from eocene.testing.simulate.labelled import simulate_samples
from eocene.testing.simulate.planting import plant_faults
from eocene.testing.simulate.population import draw_biased, simulate_population
from eocene.testing.simulate.weather import make_weather


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


def test_bias_tells_what_clouds_take_and_where_a_model_errs(stored, tmp_path):
    folder, (_, population, drawn) = stored
    spec = json.dumps({"settings": {"n_estimators": 10}})
    told = _run("dataset", "bias", drawn, "--use", population, "-w", folder, "-o", tmp_path, "--clouds", 0.3,
                "--spec", spec, "--block-m", 2000)  # fmt: skip
    report = json.loads((tmp_path / "bias.json").read_text())
    with eocene.open(folder) as ws:
        cloud = Dataset.open(ws.layout.datasets / population).columns["cloud"]
    taken = [line for line in report["removed"] if line["factor"] == "region"]
    assert sum(line["share"] * line["count"] for line in taken) == pytest.approx((cloud > 0.3).sum())
    assert set(told["worst"]) >= {"region", "season", "cloud"}
    assert 0 < told["worst"]["region"]["share"] < 0.5
    assert "The worst: region" in (tmp_path / "bias.html").read_text()


def test_what_repairs_a_bias_is_stored(stored):
    folder, (_, population, drawn) = stored
    told = _run("dataset", "bias", drawn, "--use", population, "-w", folder, "--repair")["repaired"]
    with eocene.open(folder) as ws:
        weighted, planned, first = (
            Dataset.open(ws.layout.datasets / name) for name in (told["weighted"], told["to_label"], drawn)
        )
    weight = weighted.columns["weight"]
    assert weight.mean() == pytest.approx(1)
    assert weight[weighted.columns["region"] == "coast"].mean() < 0.8  # of which there were too many
    assert np.array_equal(weighted.read().features, first.read().features)
    assert len(planned) == len(first)
    assert planned.sources["dataset"] == population
    again = _run("dataset", "bias", planned.id, "--use", population, "-w", folder, "--repair")
    assert (again["notable"], again["repaired"]) == ([], None)


def test_classes_are_not_compared_with_places_that_nobody_labelled(stored):
    folder, (_, population, drawn) = stored
    with eocene.open(folder) as ws:
        known = Dataset.open(ws.layout.datasets / population).read()
        pool = replace(known, labels=np.zeros(len(known), int), class_names={0: "unlabelled"})
        pool.save(ws.layout.datasets)
    told = _run("dataset", "bias", drawn, "--use", pool.id, "-w", folder, "--repair")
    assert not any(line.startswith("class") for line in told["notable"])
    with eocene.open(folder) as ws:
        weighted = Dataset.open(ws.layout.datasets / told["repaired"]["weighted"])
    assert (weighted.columns["weight"] > 0).all()


def test_the_climate_comes_from_weather_of_the_archive(stored, tmp_path):
    folder, (_, population, drawn) = stored
    make_weather(0).to_parquet(tmp_path / "days.parquet")
    with eocene.open(folder) as ws:
        ws.ingest(tmp_path / "days.parquet")
    _run("dataset", "bias", drawn, "--use", population, "-w", folder, "--weather", "days", "-o", tmp_path)
    shifts = {s["factor"]: s for s in json.loads((tmp_path / "bias.json").read_text())["shifts"]}
    assert set(shifts["climate"]["shares"]) == {"Dwb"}


@pytest.mark.parametrize("kind", ["duplicates", "scale", "time", "crs", "missing", "leakage"])
def test_training_refuses_each_kind_of_fault_until_it_is_told(kind, tmp_path, call_train):
    planted = plant_faults(simulate_samples(300, seed=5, kind="series"), 0.03, 5, kinds=[kind])
    with eocene.open(tmp_path) as ws:
        planted.samples.save(ws.layout.datasets)
    with pytest.raises(ConflictError, match=f"samples with {kind}"):
        call_train(planted.samples.id, tmp_path)
    kinds = {kind, "duplicates"} if kind in {"leakage", "duplicates"} else {kind}  # what leaks is a copy
    words = [word for each in sorted(kinds) for word in ("--keep", each)]
    told = _run("dataset", "check", planted.samples.id, "-w", tmp_path, *words, "--because", "a test")
    assert "accuracy_block" in call_train(told["resolved"]["id"], tmp_path)


@pytest.fixture
def call_train():
    def train(dataset, folder):
        words = ["train", dataset, "-w", folder, "--folds", 2, "--spec", '{"settings": {"n_estimators": 5}}']
        result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
        return json.loads(result.stdout)

    return train


def test_a_data_set_that_is_not_there_is_named(stored):
    folder, _ = stored
    result = CliRunner().invoke(app, ["dataset", "check", "../elsewhere", "-w", str(folder)])
    assert result.exit_code != 0
    assert "There is no data set '../elsewhere'" in str(result.exception)


def _run(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)
