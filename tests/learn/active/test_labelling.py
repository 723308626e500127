from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.curate import Samples
from eocene.learn import ModelSpec, train
from eocene.learn.active import begin_labelling, collect_samples, draw_map, open_labelling, write_geojson
from eocene.learn.active.showing import Showing
from eocene.model import ConflictError, InputError, Layout, NotFoundError

SPEC = ModelSpec(settings={"n_estimators": 15})


@pytest.fixture(scope="module")
def fields():
    """Series of three classes, of which the last two rows are a copy and one without data."""
    rng = np.random.default_rng(0)
    labels = rng.integers(1, 4, 150)
    features = labels[:, None, None] + 0.7 * rng.normal(size=(150, 4, 2))
    features[:, 0, 0] = np.nan
    features[148], features[149] = features[0], np.nan
    axes = {"t": ("2024-04", "2024-05", "2024-06", "2024-07"), "bands": ("B04", "B08")}
    x = 4_000_000 + rng.uniform(0, 20_000, 150)
    names = {1: "wheat", 2: "maize", 3: "grass"}
    return Samples(features, labels, x, x - 1_000_000, 3035, axes, names, {"graph": None}, name="fields")


@pytest.fixture
def desk(fields, tmp_path):
    layout = Layout(tmp_path)
    fields.save(layout.datasets)
    return layout


@pytest.fixture
def begun(desk, fields):
    return begin_labelling(desk, fields.id, spec=SPEC, first=12, step=6, test=fields.id)


def go_on(labelling, fields, labels: int, author: str = "ada") -> list[int]:
    """Label as the truth says; the model has always learnt before the next label, however slow it is."""
    asked = []
    for _ in range(labels):
        (question,) = labelling.ask(author, 1)
        asked.append(question["sample"])
        labelling.answer(question["sample"], int(fields.labels[question["sample"]]), author)
        labelling.wait()
    return asked


def test_rounds_go_on_by_themselves_and_the_curve_grows(desk, begun, fields):
    labelling = open_labelling(desk, begun)
    asked = go_on(labelling, fields, 30)
    state = labelling.state()
    assert len(set(asked)) == state["labels"] == 30
    assert sum(one["labels"] for one in state["classes"]) == 30
    assert [point["labels"] for point in state["curve"]] == [12, 18, 24, 30]
    assert state["curve"][-1]["macro_f1"] > 0.8
    assert state["curve"][0]["stayed"] is None
    assert 0 <= state["curve"][-1]["agreed"] <= 1
    assert state["fault"] == ""
    labelling.close()


def test_nobody_waits_for_the_model_and_what_comes_meanwhile_counts(desk, begun, fields):
    labelling = open_labelling(desk, begun)
    for _ in range(18):  # the first round begins at 12
        (question,) = labelling.ask("ada", 1)
        labelling.answer(question["sample"], int(fields.labels[question["sample"]]), "ada")
    labelling.wait()
    state = labelling.state()
    assert (state["labels"], state["learning"]) == (18, False)
    assert labelling.ask("ada", 1)
    assert state["curve"][-1]["labels"] >= 12
    labelling.close()


def test_samples_without_data_and_copies_of_others_are_never_asked_for(desk, begun, fields):
    labelling = open_labelling(desk, begun)
    assert set(labelling.candidates) == set(range(148))
    with pytest.raises(InputError, match="Sample 149 is not asked for"):
        labelling.answer(149, 1, "ada")
    with pytest.raises(InputError, match="no class 9"):
        labelling.answer(0, 9, "ada")
    labelling.close()


def test_a_labelling_that_ended_at_any_moment_goes_on_where_it_was(desk, begun, fields):
    first = open_labelling(desk, begun)
    asked = go_on(first, fields, 20)
    waiting = [one["sample"] for one in first.ask("ada", 20)]
    rounds = first.state()["round"]
    second = open_labelling(desk, begun)  # the first was never closed
    second.wait()
    state = second.state()
    assert (state["labels"], state["round"]) == (20, rounds)
    assert [one["sample"] for one in second.ask("ada", 20)] == waiting
    assert not set(asked) & set(waiting)
    assert second.answers() is not None
    first.close()
    second.close()


def test_two_people_are_shown_different_samples_and_each_takes_back_the_own(desk, begun, fields):
    labelling = open_labelling(desk, begun)
    (ada,), (bob,) = labelling.ask("ada", 1), labelling.ask("bob", 1)
    assert ada["sample"] != bob["sample"]
    assert labelling.ask("ada", 1)[0]["sample"] == ada["sample"]
    labelling.answer(ada["sample"], 1, "ada")
    labelling.answer(bob["sample"], 2, "bob")
    assert labelling.undo("ada")["sample"] == ada["sample"]
    assert labelling.undo("ada") is None
    assert labelling.state()["authors"] == {"bob": 1}
    assert labelling.ask("ada", 1)[0]["sample"] == ada["sample"]
    labelling.close()


def test_a_skipped_sample_is_not_asked_again_and_teaches_nothing(desk, begun, fields):
    labelling = open_labelling(desk, begun)
    (first,) = labelling.ask("ada", 1)
    state = labelling.answer(first["sample"], None, "ada")
    assert (state["labels"], state["skipped"]) == (0, 1)
    assert first["sample"] not in [one["sample"] for one in labelling.ask("ada", 20)]
    labelling.close()


def test_where_all_labels_are_alike_more_is_asked_and_all_may_be_labelled(desk, fields):
    few = fields.take(np.arange(30))
    few.save(desk.datasets)
    labelling = open_labelling(desk, begin_labelling(desk, few.id, first=5, step=5))
    for _ in range(30):
        (question,) = labelling.ask("ada", 1)
        labelling.answer(question["sample"], 1, "ada")
    assert labelling.ask("ada", 1) == []
    state = labelling.state()
    assert (state["labels"], state["pool"], state["learning"]) == (30, 30, False)
    labelling.close()


def test_labels_made_long_after_the_images_are_no_fault_of_time(desk, fields):
    seen = replace(fields, columns={"time": np.full(len(fields), np.datetime64("2019-06-01", "s"))})
    seen.save(desk.datasets)
    labelling = open_labelling(desk, begin_labelling(desk, seen.id, spec=SPEC, first=12, step=6))
    go_on(labelling, fields, 12)
    made = collect_samples(labelling.kept)
    assert (made.columns["labelled_at"] > np.datetime64("2026-01-01")).all()
    assert train(made, SPEC).classes == made.classes
    labelling.close()


def test_a_round_learns_what_lacks_much_but_what_is_saved_passes_the_gate(desk, fields):
    features = np.array(fields.features)
    features[:140:2, 1:] = np.nan
    cloudy = replace(fields, features=features)
    cloudy.save(desk.datasets)
    labelling = open_labelling(desk, begin_labelling(desk, cloudy.id, spec=SPEC, first=12, step=6))
    go_on(labelling, fields, 12)
    assert (labelling.state()["fault"], labelling.state()["round"]) == ("", 1)
    with pytest.raises(ConflictError, match="samples with missing"):
        train(collect_samples(labelling.kept), SPEC)
    labelling.close()


def test_what_was_labelled_is_a_data_set_to_train_on_and_a_map(desk, begun, fields):
    labelling = open_labelling(desk, begun)
    asked = go_on(labelling, fields, 15)
    made = collect_samples(labelling.kept)
    assert len(made) == 15
    np.testing.assert_array_equal(made.labels, fields.labels[np.sort(asked)])
    assert set(made.columns["label_author"]) == {"ada"}
    assert made.sources["dataset"] == fields.id
    assert train(made, SPEC).classes == made.classes
    told = write_geojson(labelling.kept)["features"]
    assert [one["properties"]["sample"] for one in told] == asked
    places = draw_map(labelling)
    said = dict(zip(places["sample"], places["labels"], strict=True))
    assert {row for row, value in said.items() if value is not None} == set(asked)
    assert set(places["answers"]) <= {1, 2, 3}
    labelling.close()


def test_a_series_is_shown_with_its_gaps_and_its_place(fields):
    told = Showing(fields).show(3)
    assert told["kind"] == "series"
    assert told["curves"][0]["values"][0] is None
    assert told["curves"][1]["values"][2] == pytest.approx(float(fields.features[3, 2, 1]))
    assert 4 < told["lon"] < 7
    rows = replace(fields, features=fields.features[:, 0], axes={"features": ("red", "nir")})
    assert [one["name"] for one in Showing(rows).show(3)["numbers"]] == ["red", "nir"]


def test_what_is_known_of_a_sample_is_told_in_words(fields):
    n = len(fields)
    columns = {
        "time": np.full(n, np.datetime64("2024-03-25", "s")), "item": np.full(n, "set-1"),
        "region": np.full(n, "32632:7:53"), "sensor": np.full(n, "sentinel-2"), "cloud": np.full(n, 0.25),
    }  # fmt: skip
    samples = replace(fields, columns=columns, sources={"item_sets": {"set-1": ["a", "b", "c"]}})
    told = Showing(samples).show(0)["known"].values()
    assert list(told) == ["2024-03-25", "3 items", "region 32632:7:53", "sentinel-2", "25 % cloud"]
    late = replace(samples, columns={"time": columns["time"] + 3661, "item": np.full(n, "S2A_1")})
    assert Showing(late).show(0)["known"] == {"time": "2024-03-25T01:01:01", "item": "S2A_1"}


def test_a_chip_is_shown_in_colours_with_what_is_missing_in_grey():
    import base64

    import imagecodecs

    ramp = np.linspace(0, 1, 64).reshape(8, 8)
    chip = np.stack([ramp, np.zeros((8, 8)), np.ones((8, 8)), ramp.T])
    chip[:, 0, 0] = np.nan
    axes = {"bands": ("B02", "B03", "B04", "B08"), "y": tuple("abcdefgh"), "x": tuple("abcdefgh")}
    samples = Samples(chip[None], np.ones(1), np.zeros(1), np.zeros(1), 32631, axes)
    told = Showing(samples).show(0)
    assert [view["name"] for view in told["views"]][:2] == ["natural colour", "infrared"]
    data = base64.b64decode(told["views"][0]["pictures"][0].partition(",")[2])
    image = imagecodecs.png_decode(data)
    assert image.shape == (8, 8, 3)
    assert image[0, 0].tolist() == [128, 128, 128]
    assert image[7, 7, 2] == 255
    assert (np.diff(image[4, :, 2].astype(int)) > 0).all()


def test_terms_that_are_none_are_refused(desk, fields):
    with pytest.raises(InputError, match="are no labelling"):
        begin_labelling(desk, fields.id, classes={1: "all"})
    with pytest.raises(NotFoundError):
        begin_labelling(desk, fields.id, test="nothing-000000000000")
    begin_labelling(desk, fields.id)
    with pytest.raises(InputError, match="wheat, maize, grass"):
        begin_labelling(desk, fields.id, classes={1: "a", 2: "b"})
    with pytest.raises(InputError, match="is no id"):
        begin_labelling(desk, "../secret")


def call(*words: object):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_labels_are_listed_exported_and_saved_by_commands(fields, tmp_path):
    with eocene.open(tmp_path / "desk") as ws:
        fields.save(ws.layout.datasets)
        name = begin_labelling(ws.layout, fields.id, spec=SPEC)
        labelling = open_labelling(ws.layout, name)
        asked = go_on(labelling, fields, 5)
        labelling.close()
    (told,) = call("labels", "list", "-w", tmp_path / "desk")
    assert (told["id"], told["labels"], told["authors"]) == (fields.id, 5, ["ada"])
    output = tmp_path / "labels.geojson"
    assert call("labels", "export", name, "-w", tmp_path / "desk", "-o", output)["labels"] == 5
    assert len(json.loads(output.read_text())["features"]) == len(asked)
    made = call("labels", "save", name, "-w", tmp_path / "desk")
    assert made["samples"] == 5
    assert Samples.load(tmp_path / "desk" / "datasets" / made["id"]).id == made["id"]
