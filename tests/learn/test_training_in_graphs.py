"""A graph that trains a model and maps with it at once answers as one that saves it and one that loads it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from eocene.archive import Archive
from eocene.model import Layout
from eocene.process import make_plan
from eocene.testing.simulate import simulate_archive

# rasterio 1.4 multiplies its transforms in the way that affine 3.1 is about to leave.
pytestmark = pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")

MEAN = {"m": {"process_id": "mean", "arguments": {"data": {"from_parameter": "data"}}, "result": True}}


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Archive:
    folder = tmp_path_factory.mktemp("world")
    simulate_archive(folder / "products", size=128, dates=3, seed=3)
    (folder / "workspace").mkdir()
    archive = Archive(Layout(folder / "workspace"))
    archive.ingest(folder / "products")
    return archive


@pytest.fixture(scope="module")
def training(archive) -> dict:
    """The nodes up to ml_fit: means of three bands over 40 parcels, and a forest of their crops."""
    parcels = archive.table("parcels").to_crs(4326).iloc[:40]
    features = json.loads(parcels[["crop", "geometry"]].to_json())
    bands = {"id": "sentinel-2-l2a", "bands": ["B03", "B04", "B08"]}
    mean = {"data": {"from_node": "load"}, "dimension": "t", "reducer": {"process_graph": MEAN}}
    over = {"data": {"from_node": "mean"}, "geometries": features, "reducer": {"process_graph": MEAN}}
    fit = {"model": {"from_node": "forest"}, "training_set": {"from_node": "table"}, "target": "crop"}
    forest = {"max_variables": "sqrt", "num_trees": 10, "seed": 1}
    return {
        "load": {"process_id": "load_collection", "arguments": bands},
        "mean": {"process_id": "reduce_dimension", "arguments": mean},
        "table": {"process_id": "aggregate_spatial", "arguments": over},
        "forest": {"process_id": "mlm_class_random_forest", "arguments": forest},
        "fit": {"process_id": "ml_fit", "arguments": fit},
    }


def end(nodes: dict, process: str, **arguments) -> dict:
    return {**nodes, "end": {"process_id": process, "arguments": arguments, "result": True}}


@pytest.fixture(scope="module")
def saved(archive, training) -> dict:
    """The nodes that load the same model after another graph has saved it."""
    make_plan(end(training, "save_ml_model", data={"from_node": "fit"}, name="crops"), archive).run()
    rest = {key: training[key] for key in ("load", "mean")}
    return {**rest, "fit": {"process_id": "load_ml_model", "arguments": {"id": "crops"}}}


@pytest.mark.parametrize(
    "process",
    ["ml_predict", "ml_predict_probabilities", "predict_random_forest", "predict_class",
     "predict_ml_model_probabilities"],
)  # fmt: skip
def test_a_map_by_a_model_of_the_same_graph_is_that_of_the_saved_one(archive, training, saved, process):
    given = {"data": {"from_node": "mean"}, "model": {"from_node": "fit"}}
    at_once = make_plan(end(training, process, **given), archive).read()
    later = make_plan(end(saved, process, **given), archive).read()
    assert np.isfinite(at_once.to_numpy()).mean() > 0.2
    assert at_once["bands"].to_numpy().tolist() == later["bands"].to_numpy().tolist()
    np.testing.assert_array_equal(at_once, later)


def test_its_map_depends_on_no_window(archive, training):
    given = {"data": {"from_node": "mean"}, "model": {"from_node": "fit"}}
    plan = make_plan(end(training, "ml_predict", **given), archive)
    whole = plan.read()
    for window in plan.schema.grid.blocks(50, 37):
        part = plan.read(window)
        np.testing.assert_array_equal(part, whole.sel(x=part["x"], y=part["y"]))
