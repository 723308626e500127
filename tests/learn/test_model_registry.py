from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pystac
import pytest
from pystac.extensions.mlm import MLMExtension

from eocene.learn import ModelRegistry, ModelSpec, train
from eocene.model import DamageError, InputError, NotFoundError


@pytest.fixture
def registry(layout) -> ModelRegistry:
    return ModelRegistry(layout)


@pytest.fixture
def model_id(registry, model, report, samples) -> str:
    return registry.register(model, report, samples, name="land-cover")


def test_a_registered_model_answers_like_the_trained_one(registry, model, model_id, samples):
    predictor = registry.load(model_id)
    assert predictor.feature_names == samples.feature_names
    assert predictor.class_names == {11: "annual crops", 13: "grassland", 99: "other"}
    difference = predictor.estimate_probabilities(samples.features) - model.estimate_probabilities(
        samples.features
    )
    assert np.abs(difference).max() <= 1e-5


def test_the_folder_holds_its_files_and_no_pickle(registry, model_id):
    names = {p.name for p in (registry.root / model_id).iterdir()}
    assert names == {
        "item.json", "model.onnx", "report.json", "report.html", "card.md", "confusion.svg",
    }  # fmt: skip
    assert [p.name for p in registry.root.iterdir()] == [model_id]


def test_the_same_training_gives_the_same_id_and_changes_nothing(registry, model_id, samples, spec, report):
    before = {p.name: p.stat().st_mtime_ns for p in (registry.root / model_id).iterdir()}
    again = registry.register(train(samples, spec), report, samples, name="land-cover")
    assert again == model_id
    assert {p.name: p.stat().st_mtime_ns for p in (registry.root / model_id).iterdir()} == before
    other = registry.register(train(samples, ModelSpec(settings={"n_estimators": 5})), report, samples)
    assert other.startswith("random-forest-")
    assert [item["id"] for item in registry.list()] == sorted([model_id, other])


def test_the_item_is_read_by_pystac_with_the_mlm_extension(registry, model_id, samples):
    item = pystac.Item.from_dict(registry.item(model_id))
    mlm = MLMExtension.ext(item)
    assert mlm.mlm_name == model_id
    assert mlm.input[0].bands == list(samples.feature_names)
    assert mlm.input[0].input.shape == [-1, 4]
    assert mlm.output[0].result.shape == [-1, 3]
    assert item.properties["bands"][0] == {"name": "2024-05/B04"}
    west, south, east, north = item.bbox
    assert 4.0 < west < east < 4.1
    assert 50.7 < south < north < 50.8
    asset = item.assets["model"]
    data = (registry.root / model_id / "model.onnx").read_bytes()
    assert "mlm:model" in asset.roles
    assert asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(data).hexdigest()


def test_the_item_tells_where_the_model_comes_from(registry, model_id, samples):
    lineage = registry.item(model_id)["properties"]["eocene:lineage"]
    assert lineage["dataset"] == samples.id
    assert lineage["items"] == ["s2-1", "s2-2"]
    assert lineage["graph"] == {"load1": {"process_id": "load_collection"}}
    assert lineage["software"]["eocene"]


def test_the_card_and_the_picture_show_the_scores(registry, model_id, report):
    card = (registry.root / model_id / "card.md").read_text()
    assert f"| block | {report.accuracy('block'):.3f} |" in card
    assert f"| random | {report.accuracy('random'):.3f} |" in card
    picture = ElementTree.parse(registry.root / model_id / "confusion.svg").getroot()  # noqa: S314 (our own file)
    written = {t.text for t in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {str(n) for row in report.splits["block"].confusion for n in row} <= written
    assert registry.report(model_id)["splits"]["block"]["pooled"]["accuracy"] == report.accuracy("block")


def test_a_deleted_model_is_gone(registry, model_id):
    registry.delete(model_id)
    assert registry.list() == []
    assert not any(registry.root.iterdir())
    with pytest.raises(NotFoundError, match="no model"):
        registry.load(model_id)


@pytest.mark.parametrize("name", ["../secret", "", ".", "a/b", "none-000000000000", "A", "x" * 200])
def test_ids_that_are_none_are_not_found(registry, model_id, name):
    for call in (registry.load, registry.delete, registry.item):
        with pytest.raises(NotFoundError, match=model_id):
            call(name)


@pytest.mark.parametrize("file", ["item.json", "model.onnx"])
def test_a_truncated_file_is_damage(registry, model_id, file):
    path = registry.root / model_id / file
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DamageError, match=file.replace(".", r"\.")):
        registry.load(model_id)
    registry.delete(model_id)


def test_a_foreign_file_and_a_missing_one_are_damage(registry, model_id):
    folder = registry.root / model_id
    (folder / "weights.pkl").write_bytes(b"x")
    with pytest.raises(DamageError, match=r"weights\.pkl"):
        registry.load(model_id)
    (folder / "weights.pkl").unlink()
    (folder / "card.md").unlink()
    with pytest.raises(DamageError, match=r"lacks card\.md"):
        registry.load(model_id)


def test_a_link_in_place_of_the_model_is_damage(registry, model_id, tmp_path):
    path = registry.root / model_id / "model.onnx"
    path.rename(tmp_path / "elsewhere.onnx")
    path.symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(DamageError, match="no plain file"):
        registry.load(model_id)


@pytest.mark.parametrize("text", ["[]", "{}", '{"id": 3}', "[" * 100_000])
def test_an_odd_item_is_damage(registry, model_id, text):
    (registry.root / model_id / "item.json").write_text(text)
    with pytest.raises(DamageError):
        registry.load(model_id)


def test_an_item_without_mlm_fields_is_damage(registry, model_id):
    path = registry.root / model_id / "item.json"
    item = json.loads(path.read_text())
    del item["properties"]["mlm:input"]
    path.write_text(json.dumps(item))
    with pytest.raises(DamageError, match="mlm:input"):
        registry.load(model_id)


def test_a_report_about_other_samples_is_refused(registry, model, report, samples):
    fewer = type(samples)(
        samples.features[:9], samples.labels[:9], samples.x[:9], samples.y[:9], 32631, samples.axes
    )
    with pytest.raises(InputError, match="The report is about"):
        registry.register(model, report, fewer)
    with pytest.raises(InputError, match="part of a model's id"):
        registry.register(model, report, samples, name="../up")
    assert registry.list() == []


def test_importing_the_room_imports_no_package_of_the_extra():
    code = (
        "import sys, eocene.learn, eocene.learn.processes;"
        "print([m for m in ('sklearn', 'onnx', 'onnxruntime', 'skl2onnx') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
