from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.curate import Samples
from eocene.learn import ModelSpec, evaluate, train
from eocene.learn.explain import Question, explain_answer, explain_model, unfold_names
from eocene.model import InputError

DATES, BANDS = ("2024-05", "2024-06", "2024-07"), ("B04", "B08")


@pytest.fixture(scope="module")
def drawn():
    """Rows named date/band whose class is whether B08 of June is above zero."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(240, 6)).astype(np.float32)
    names = tuple(f"{date}/{band}" for date in DATES for band in BANDS)
    labels = np.where(features[:, 3] > 0, 2, 1)
    place = 4_000_000 + 1000.0 * np.arange(240)
    return Samples(
        features, labels, place, place, 3035, {"features": names}, {1: "bare", 2: "crops"}, {"graph": None}
    )


@pytest.fixture(scope="module")
def desk(drawn, tmp_path_factory):
    """A workspace with the data set and a model that was trained on it."""
    folder = tmp_path_factory.mktemp("desk")
    spec = ModelSpec(settings={"n_estimators": 20})
    with eocene.open(folder) as ws:
        drawn.save(ws.layout.datasets)
        model = ws.models.register(train(drawn, spec), evaluate(drawn, spec, {}), drawn, name="crops")
        predictor = ws.models.load(model)
    return folder, model, predictor


def call(*words: object):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_rows_named_by_date_and_band_are_series(drawn):
    series = unfold_names(drawn)
    assert series.axes == {"t": DATES, "bands": BANDS}
    np.testing.assert_array_equal(series.features[:, 1, 1], drawn.features[:, 3])
    named = replace(drawn, axes={"features": tuple("abcdef")})
    assert unfold_names(named).axes == {"features": tuple("abcdef")}
    mixed = replace(drawn, axes={"features": ("a/x", "a/y", "b/x", "b/z", "c/x", "c/y")})
    assert tuple(unfold_names(mixed).axes) == ("features",)


@pytest.mark.parametrize(("by", "name"), [("bands", "B08"), ("t", "2024-06"), (None, "2024-06/B08")])
def test_a_registered_model_names_what_it_rests_on(by, name, desk, drawn):
    told = explain_model(desk[2], drawn, by=by, rounds=2)
    assert told[0]["name"] == name
    assert told == sorted(told, key=lambda one: -one["mean"])


def test_an_answer_is_the_base_and_the_shares_of_its_parts(desk, drawn):
    told = explain_answer(desk[2], drawn.features[7], drawn, Question(by="t"))
    shares = sum(part["value"] for part in told["attribution"])
    assert told["base"] + shares == pytest.approx(told["probabilities"][told["name"]], abs=1e-5)
    assert told["attribution"][0]["name"] == "2024-06"
    other = told["counterfactual"]
    assert other["wanted"] != told["class"]
    assert other["changed"][-1] == "2024-06"
    assert other["probability"] > 0.5


def test_the_class_that_is_explained_can_be_chosen(desk, drawn):
    row = drawn.features[7]
    one, two = (explain_answer(desk[2], row, drawn, Question(of=of))["attribution"] for of in (1, "crops"))
    assert [part["name"] for part in one] == [part["name"] for part in two]
    assert [part["value"] for part in one] == pytest.approx([-part["value"] for part in two], abs=1e-5)


def test_a_counterfactual_tells_the_values_that_change(desk, drawn):
    row = drawn.features[7]
    told = explain_answer(desk[2], row, drawn)["counterfactual"]
    names = drawn.axes["features"]
    changed = row.copy()
    for part in told["changes"]:
        place = names.index(part["name"])
        assert part["from"] == pytest.approx(row[place])
        changed[place] = part["to"]
    shares = desk[2].estimate_probabilities(changed[None])[0]
    assert shares[desk[2].classes.index(told["wanted"])] == pytest.approx(told["probability"])


def test_where_no_sample_is_of_another_class_none_is_shown_unless_it_was_wanted(desk, drawn):
    bare = drawn.take(drawn.labels == 1)
    answer = explain_answer(desk[2], bare.features[0], bare)
    assert answer["counterfactual"] is None
    assert answer["attribution"]
    with pytest.raises(InputError, match="No sample of class 2"):
        explain_answer(desk[2], bare.features[0], bare, Question(wanted="crops"))


def test_a_sample_without_a_value_is_not_explained(desk, drawn):
    with pytest.raises(InputError, match="holds no value"):
        explain_answer(desk[2], np.full(6, np.nan), drawn)


def test_samples_with_other_features_explain_nothing(desk, drawn):
    named = replace(drawn, axes={"features": tuple("abcdef")})
    with pytest.raises(InputError, match="not those of"):
        explain_model(desk[2], named)


def test_a_model_is_explained_by_one_command(desk, drawn):
    folder, model, _ = desk
    told = call("models", "explain", "crops", "-w", folder, "--by", "bands")
    assert (told["model"], told["dataset"], told["learnt_from"]) == (model, drawn.id, True)
    assert told["importance"][0]["name"] == "B08"
    answer = call("models", "explain", model, "-w", folder, "--sample", 7, "--wanted", "bare")["answer"]
    assert answer["counterfactual"]["name"] == "bare"


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--sample", 240], "row from 0 to 239"),
        (["--point", "nowhere"], "is no point"),
        (["--point", "9,48"], "does not tell how its features are computed"),
        (["--point", "9,48", "--where", "bare"], "have no labels"),
        (["--sample", 0, "--of", "wheat"], "bare, crops"),
        (["--sample", 0, "--wanted", "wheat"], "bare, crops"),
    ],
)
def test_what_cannot_be_explained_is_said(desk, words, fault):
    done = CliRunner().invoke(app, ["models", "explain", desk[1], "-w", str(desk[0]), *map(str, words)])
    assert fault in str(done.exception)


def test_the_report_of_a_model_is_printed_or_written_as_a_page(desk, drawn, tmp_path):
    folder, model, _ = desk
    assert [one["id"] for one in call("models", "-w", folder)] == [model]
    assert call("models", "report", model, "-w", folder)["dataset"] == drawn.id
    page = tmp_path / "page.html"
    assert call("models", "report", "crops", "-w", folder, "--out", page)["model"] == model
    kept = (folder / "models" / model / "report.html").read_text()
    assert page.read_text() == kept
    assert "It was not evaluated" in kept
