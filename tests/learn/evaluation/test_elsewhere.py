"""A registered model is scored on samples of elsewhere, beside the splits of its report."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.curate import Samples, random_split
from eocene.learn import ModelSpec, evaluate, train
from eocene.learn.evaluation.elsewhere import score_elsewhere
from eocene.model import ConflictError, InputError

SPEC = ModelSpec(settings={"n_estimators": 15})


def draw(seed: int, shift: float, names: dict[int, str], count: int = 200) -> Samples:
    """Series of two dates and two bands, whose means differ by class, and by a shift from place to place."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.resize(sorted(names), count))
    features = rng.normal(size=(count, 2, 2)) + labels[:, None, None] + shift
    place = 4_000_000 + 1000.0 * np.arange(count)
    axes = {"t": ("2023-05-01", "2023-07-01"), "bands": ("B04", "B08")}
    season = np.resize(np.array(["2023-05-01", "2023-07-01"], "datetime64[s]"), count)
    return Samples(
        features.astype(np.float32), labels, place, place, 3035, axes, names, {"graph": None},
        columns={"time": season},
    )  # fmt: skip


@pytest.fixture(scope="module")
def home() -> Samples:
    return draw(1, 0.0, {1: "bare", 3: "crops"})


@pytest.fixture(scope="module")
def away() -> Samples:
    """A year later, where a third class grows."""
    other = draw(2, 0.5, {1: "bare", 3: "crops", 7: "vines"})
    return replace(other, axes={**other.axes, "t": ("2024-05-03", "2024-07-02")})


@pytest.fixture(scope="module")
def desk(home, away, tmp_path_factory):
    """A workspace with both data sets and a model of the first."""
    folder = tmp_path_factory.mktemp("desk")
    with eocene.open(folder) as ws:
        for samples in (home, away):
            samples.save(ws.layout.datasets)
        report = evaluate(home, SPEC, {"random": random_split(home, 2, 0)})
        model = ws.models.register(train(home, SPEC), report, home, name="crops")
        return folder, model, ws.models.load(model)


def test_scores_on_other_samples_are_what_counting_the_answers_gives(desk, away):
    score = score_elsewhere(desk[2], away)
    answer, _ = desk[2].predict(away.features)
    for i, true in enumerate((1, 3, 7)):
        for j, said in enumerate((1, 3, 7)):
            assert score["confusion"][i][j] == ((away.labels == true) & (answer == said)).sum()
    assert score["pooled"]["accuracy"] == pytest.approx((answer == away.labels).mean())
    assert score["baseline"]["accuracy"] == pytest.approx(np.bincount(away.labels).max() / len(away))
    assert {line["name"] for line in score["groups"]["season"]} == {"Mar–May", "Jun–Aug"}


def test_a_class_that_was_never_learnt_counts_as_wrong_and_is_told(desk, away):
    score = score_elsewhere(desk[2], away)
    vines = next(row for row in score["classes"] if row["class"] == 7)
    assert (vines["recall"], vines["support"]) == (0.0, (away.labels == 7).sum())
    assert score["calibration"]["unlearnt_share"] == pytest.approx((away.labels == 7).mean())


def test_the_report_shows_other_samples_beside_its_splits_by_one_command(desk, away, tmp_path):
    folder, model, predictor = desk
    words = ["models", "report", "crops", "-w", str(folder), "--on", away.id]
    told = json.loads(CliRunner().invoke(app, words, catch_exceptions=False).stdout)
    assert list(told["splits"]) == ["random", f"on {away.id}"]
    plain = json.loads(json.dumps(score_elsewhere(predictor, away)))
    assert told["splits"][f"on {away.id}"] == plain
    page = tmp_path / "page.html"
    CliRunner().invoke(app, [*words, "--out", str(page)], catch_exceptions=False)
    assert f"on {away.id} split" in page.read_text()
    assert "vines" in page.read_text()
    with eocene.open(folder) as ws:
        assert list(ws.models.report(model)["splits"]) == ["random"]


def test_what_a_model_has_learnt_from_is_no_elsewhere(desk, home):
    done = CliRunner().invoke(app, ["models", "report", desk[1], "-w", str(desk[0]), "--on", home.id])
    assert isinstance(done.exception, ConflictError)
    assert "has learnt from" in str(done.exception)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"axes": {"t": ("2024-05-03", "2024-07-02"), "bands": ("B08", "B04")}}, "not those of"),
        ({"class_names": {1: "bare", 3: "forest", 7: "vines"}}, "'crops' to .* and 'forest' in"),
    ],
)
def test_samples_that_mean_something_else_are_refused(desk, away, change, fault):
    with pytest.raises(InputError, match=fault):
        score_elsewhere(desk[2], replace(away, **change))


def test_a_model_of_samples_is_not_scored_on_labels_of_pixels(desk, away):
    with pytest.raises(InputError, match="answers for each sample"):
        score_elsewhere(desk[2], away, np.zeros((len(away), 2, 2), np.int64))


def test_a_regression_is_scored_by_its_errors(away, tmp_path):
    rng = np.random.default_rng(4)
    sets = []
    for samples in (draw(3, 0.0, {0: "none", 1: "some"}), away):
        truth = samples.features.mean(axis=(1, 2)) + rng.normal(0, 0.1, len(samples))
        sets.append(replace(samples, columns={"target": truth}))
    spec = ModelSpec("random_forest_regression", settings={"n_estimators": 15})
    with eocene.open(tmp_path) as ws:
        from eocene.learn.validation import evaluate_values

        model = ws.models.register(train(sets[0], spec), evaluate_values(sets[0], spec, {}), sets[0])
        predictor = ws.models.load(model)
    score = score_elsewhere(predictor, sets[1])
    error = predictor.predict(sets[1].features)[0] - sets[1].columns["target"]
    assert score["pooled"]["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
    assert score["baseline"]["r2"] == pytest.approx(0.0, abs=1e-9)
