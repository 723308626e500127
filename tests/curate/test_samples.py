from __future__ import annotations

import json

import numpy as np
import pytest

from eocene.curate import Samples, sample_pixels
from eocene.model import DamageError, InputError, NotFoundError


@pytest.fixture
def samples(cube, labels) -> Samples:
    cube[0, 1, 2, 2] = np.nan
    return sample_pixels(cube, labels, classes={1: "wheat"}, sources={"items": ["a", "b"], "label": "lpis"})


def test_saved_samples_load_equal(samples, tmp_path):
    folder = samples.save(tmp_path)
    loaded = Samples.load(folder)
    assert folder.name == loaded.id == samples.id
    np.testing.assert_array_equal(loaded.features, samples.features)
    np.testing.assert_array_equal(loaded.labels, samples.labels)
    assert dict(loaded.class_names) == {1: "wheat", 2: "2"}
    assert loaded.sources == samples.sources
    assert loaded.faults == samples.faults


def test_saving_twice_changes_nothing(samples, tmp_path):
    folder = samples.save(tmp_path)
    before = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert samples.save(tmp_path) == folder
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == [samples.id]


def test_the_id_follows_the_content(samples):
    changed = np.array(samples.features)
    changed[0, 0] += 1
    parts = {k: getattr(samples, k) for k in ("labels", "x", "y", "epsg", "axes", "sources")}
    assert Samples(features=changed, **parts).id != Samples(features=samples.features, **parts).id


def test_samples_cannot_be_changed(samples):
    with pytest.raises(ValueError, match="read-only"):
        samples.features[0, 0] = 1
    with pytest.raises(AttributeError):
        samples.epsg = 4326


@pytest.mark.parametrize("file", ["samples.parquet", "dataset.json"])
def test_a_truncated_file_is_damage(samples, tmp_path, file):
    path = samples.save(tmp_path) / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DamageError, match="cannot be read"):
        Samples.load(path.parent)


def test_changed_numbers_are_damage(samples, tmp_path):
    folder = samples.save(tmp_path)
    sidecar = json.loads((folder / "dataset.json").read_text())
    sidecar["sources"]["label"] = "guessed"
    (folder / "dataset.json").write_text(json.dumps(sidecar))
    with pytest.raises(DamageError, match="not what its id"):
        Samples.load(folder)


def test_absent_samples_are_not_found(tmp_path):
    with pytest.raises(NotFoundError):
        Samples.load(tmp_path / "none")


def test_the_card_counts_classes_blocks_faults_and_names_sources(samples, tmp_path):
    folder = samples.save(tmp_path)
    card = json.loads((folder / "card.json").read_text())
    assert card["samples"] == 56
    assert [(c["name"], c["samples"]) for c in card["classes"]] == [("wheat", 28), ("2", 28)]
    assert card["blocks"] == len({(x // 160, y // 160) for x, y in zip(samples.x, samples.y, strict=True)})
    text = (folder / "card.md").read_text()
    assert "| 1 | wheat | 28 |" in text
    assert "without any value dropped: 0" in text
    assert "label: lpis" in text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"axes": {"features": ("a",)}}, "axes"),
        ({"axes": {"features": ("a", "a")}}, "same name"),
        ({"axes": {"features": ("x", "b")}}, "named like"),
        ({"y": [1.0]}, "x, y and labels"),
        ({"x": [np.nan, 1.0]}, "finite place"),
        ({"name": "../up"}, "part of an id"),
    ],
)
def test_samples_that_do_not_fit_together_are_refused(change, text):
    parts = {
        "features": np.zeros((2, 2)),
        "labels": [1, 2],
        "x": [1.0, 2.0],
        "y": [1.0, 2.0],
        "epsg": 32631,
        "axes": {"features": ("a", "b")},
    }
    with pytest.raises(InputError, match=text):
        Samples(**{**parts, **change})


def test_sources_that_are_no_json_are_refused(tmp_path, make_samples):
    with pytest.raises(InputError, match="JSON"):
        make_samples([1], [1], [1], sources={"when": object()}).save(tmp_path)


def test_series_are_saved_whole_and_flatten_to_rows_named_by_time_and_band(tmp_path):
    series = Samples(
        features=np.arange(12, dtype=np.float32).reshape(2, 3, 2),
        labels=np.array([1, 2]),
        x=np.array([0.0, 10.0]),
        y=np.zeros(2),
        epsg=32631,
        axes={"t": ("2024-01", "2024-02", "2024-03"), "bands": ("B04", "B08")},
        columns={
            "time": np.array(["2024-01-01", "2024-02-01"], "datetime64[s]"),
            "item": np.array(["a", "b"]),
        },
    )
    again = Samples.load(series.save(tmp_path))
    assert again.id == series.id
    assert np.array_equal(again.features, series.features)
    assert again.columns["item"].tolist() == ["a", "b"]
    rows = again.take(np.array([1])).flatten()
    assert rows.feature_names[:3] == ("2024-01/B04", "2024-01/B08", "2024-02/B04")
    assert rows.features.tolist() == [[6, 7, 8, 9, 10, 11]]
    assert rows.columns["time"][0] == np.datetime64("2024-02-01")
