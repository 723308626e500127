from __future__ import annotations

import copy

import numpy as np
import pytest

from eocene.archive import Archive
from eocene.curate import random_split, sample_pixels
from eocene.learn import ModelRegistry, ModelSpec, evaluate, train
from eocene.learn.features import make_feature_graph
from eocene.model import EoceneError, InputError, Layout, NotFoundError
from eocene.process import make_plan, registry
from eocene.testing.simulate import simulate_archive

# rasterio 1.4 multiplies its transforms in the way that affine 3.1 is about to leave.
pytestmark = pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")

MONTHS = ["2024-03-01", "2024-06-01"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Archive:
    folder = tmp_path_factory.mktemp("world")
    simulate_archive(folder / "products", size=128, dates=6, seed=3)
    (folder / "workspace").mkdir()
    archive = Archive(Layout(folder / "workspace"))
    archive.ingest(folder / "products")
    return archive


@pytest.fixture(scope="module")
def features(archive):
    return make_plan(make_feature_graph(MONTHS), archive).read()


@pytest.fixture(scope="module")
def model_id(archive, features) -> str:
    load = {"process_id": "load_collection", "arguments": {"id": "reference"}, "result": True}
    samples = sample_pixels(features, make_plan({"load": load}, archive).read(), per_class=60)
    spec = ModelSpec(settings={"n_estimators": 20})
    report = evaluate(samples, spec, {"random": random_split(samples, 2, 0)})
    return ModelRegistry(archive.layout).register(train(samples, spec), report, samples)


def test_the_map_is_the_models_answer_for_each_pixel(archive, features, model_id):
    result = make_plan(make_feature_graph(MONTHS, model=model_id), archive).read()
    assert result.dims == ("bands", "y", "x")
    assert result["bands"].to_numpy().tolist() == ["class", "confidence"]
    assert result.dtype == np.float32
    rows = features.to_numpy().reshape(-1, features.sizes["y"] * features.sizes["x"]).T
    answer, confidence = ModelRegistry(archive.layout).load(model_id).predict(rows)
    np.testing.assert_array_equal(result.sel(bands="class").to_numpy().ravel(), answer)
    np.testing.assert_array_equal(result.sel(bands="confidence").to_numpy().ravel(), confidence)
    empty = features.isnull().all(("t", "bands")).to_numpy().ravel()
    np.testing.assert_array_equal(np.isnan(answer), empty)


def test_the_answer_does_not_depend_on_the_window(archive, model_id):
    plan = make_plan(make_feature_graph(MONTHS, model=model_id), archive)
    whole = plan.read()
    for window in plan.schema.grid.blocks(50, 37):
        part = plan.read(window)
        np.testing.assert_array_equal(part, whole.sel(x=part["x"], y=part["y"]))


def test_the_order_of_bands_and_further_bands_do_not_matter(archive, model_id):
    graph = make_feature_graph(MONTHS, model=model_id)
    turned = copy.deepcopy(graph)
    turned["more"] = {
        "process_id": "ndvi",
        "arguments": {"data": {"from_node": "features"}, "nir": "B11", "red": "B12", "target_band": "NBR"},
    }
    bands = ["NBR", "NDVI", "B12", "B11", "B08", "B04", "B03", "B02"]
    turned["order"] = {
        "process_id": "filter_bands",
        "arguments": {"data": {"from_node": "more"}, "bands": bands},
    }
    turned["map"]["arguments"]["data"] = {"from_node": "order"}
    np.testing.assert_array_equal(make_plan(turned, archive).read(), make_plan(graph, archive).read())


def test_missing_features_are_named_before_a_pixel_is_read(archive, model_id):
    graph = make_feature_graph(["2024-04-01", "2024-06-01"], model=model_id)
    with pytest.raises(InputError, match=r"lacks 2024-03/B02, .* and 1 more.*node 'map'"):
        make_plan(graph, archive)


@pytest.mark.parametrize(
    ("node", "argument", "value", "fault"),
    [
        ("map", "model", "some-model", "not a loaded model"),
        ("map", "dimensions", "t", "dimensions is 't'"),
        ("map", "dimensions", ["t", "x"], "Pixels cannot be features"),
        ("map", "dimensions", ["t", "depth"], "no dimension 'depth'"),
    ],
)
def test_wrong_arguments_name_the_fault(archive, model_id, node, argument, value, fault):
    graph = make_feature_graph(MONTHS, model=model_id)
    graph[node]["arguments"][argument] = value
    with pytest.raises(EoceneError, match=fault):
        make_plan(graph, archive)


def test_an_unknown_model_is_named_with_those_that_are_there(archive, model_id):
    with pytest.raises(NotFoundError, match=f"no model 'oracle'.*{model_id}") as raised:
        make_plan(make_feature_graph(MONTHS, model="oracle"), archive)
    assert raised.value.code == "ModelNotFound"


def test_both_processes_are_described_for_clients():
    specs = {spec["id"]: spec for spec in registry.specs()}
    names = {p["name"]: p.get("optional", False) for p in specs["ml_predict"]["parameters"]}
    assert names == {"data": False, "model": False, "dimensions": True, "overlap": True, "blend": True}
    assert [p["name"] for p in specs["load_ml_model"]["parameters"]] == ["id"]
    assert specs["load_ml_model"]["returns"]["schema"] == {"type": "object", "subtype": "ml-model"}
