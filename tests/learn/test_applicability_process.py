from __future__ import annotations

import numpy as np
import pytest

from eocene.archive import Archive
from eocene.curate import Samples, random_split, sample_pixels
from eocene.curate.applicability import measure_applicability
from eocene.learn import ModelRegistry, ModelSpec, evaluate, train
from eocene.learn.explain import permute_features
from eocene.learn.features import make_feature_graph
from eocene.model import Layout, NotFoundError
from eocene.process import make_plan
from eocene.testing.simulate import simulate_archive

pytestmark = pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")

MONTHS = ["2024-03-01", "2024-06-01"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """An archive with a registered model, its samples, and the cube of its features."""
    folder = tmp_path_factory.mktemp("world")
    simulate_archive(folder / "products", size=128, dates=6, seed=3)
    (folder / "workspace").mkdir()
    archive = Archive(Layout(folder / "workspace"))
    archive.ingest(folder / "products")
    features = make_plan(make_feature_graph(MONTHS), archive).read()
    load = {"process_id": "load_collection", "arguments": {"id": "reference"}, "result": True}
    samples = sample_pixels(features, make_plan({"load": load}, archive).read(), per_class=30)
    spec = ModelSpec(settings={"n_estimators": 10})
    report = evaluate(samples, spec, {"random": random_split(samples, 2, 0)})
    model_id = ModelRegistry(archive.layout).register(train(samples, spec), report, samples)
    return archive, samples, model_id, features


def make_graph(model_id, **arguments):
    graph = {k: v for k, v in make_feature_graph(MONTHS).items() if k != "result"}
    node = next(name for name, step in graph.items() if step.get("result"))
    graph[node] = {**graph[node], "result": False}
    graph["area"] = {"process_id": "load_applicability", "arguments": {"id": model_id, **arguments}}
    graph["told"] = {
        "process_id": "estimate_applicability",
        "arguments": {"data": {"from_node": node}, "area": {"from_node": "area"}},
        "result": True,
    }
    return graph


def test_a_graph_gives_the_index_of_each_pixel_whatever_the_window(world):
    archive, samples, model_id, features = world
    with pytest.raises(NotFoundError):
        make_plan(make_graph(model_id), archive).read()
    samples.save(archive.layout.datasets)
    plan = make_plan(make_graph(model_id), archive)
    result = plan.read()
    assert result["bands"].to_numpy().tolist() == ["dissimilarity", "applicable"]
    predictor = ModelRegistry(archive.layout).load(model_id)
    rows = samples.flatten()
    told = permute_features(predictor, rows, predictor.classes, rounds=3)
    weights = np.array([one.mean for one in told])
    area = measure_applicability(rows.features, random_split(rows, 5, 0), weights)
    pixels = features.to_numpy().reshape(-1, features.sizes["y"] * features.sizes["x"]).T
    expected = area.estimate_dissimilarity(pixels)
    found = result.sel(bands="dissimilarity").to_numpy().ravel()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    inside = result.sel(bands="applicable").to_numpy().ravel()
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(inside[known], (found <= area.threshold)[known])
    assert np.isnan(inside[~known]).all()
    window = next(iter(plan.schema.grid.blocks(50, 37)))
    part = plan.read(window)
    np.testing.assert_array_equal(part, result.sel(x=part["x"], y=part["y"]))


def test_scores_by_blocks_reach_farther(world):
    archive, samples, model_id, _ = world
    samples.save(archive.layout.datasets)
    assert isinstance(Samples.load(archive.layout.datasets / samples.id), Samples)
    near = make_plan(make_graph(model_id), archive).read().sel(bands="applicable")
    far = make_plan(make_graph(model_id, block_size=320), archive).read().sel(bands="applicable")
    assert np.nanmean(far) >= np.nanmean(near)
