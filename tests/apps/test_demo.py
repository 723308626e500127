"""The demonstration: its figures are sane, and what it writes is what other software computes."""

from __future__ import annotations

import json
import re
import resource
from collections import Counter

import geopandas as gpd
import numpy as np
import pyarrow.parquet
import pytest
import rasterio
import rasterio.mask
import xarray as xr

import eocene
from eocene.apps import study
from eocene.apps.demo import run_demo
from eocene.apps.steps import Steps
from eocene.apps.study import plan_study
from eocene.learn import ModelSpec
from eocene.model import InputError, Layout

STEPS = [
    "simulated archive", "ingest", "NDVI monthly median", "labelled samples", "train and register",
    "land-cover map", "parcels classified", "linked data", "question in GeoSPARQL", "map layers",
]  # fmt: skip


def test_the_last_line_of_stdout_is_one_json_object_with_the_figures(demo):
    assert set(demo.figures) >= {
        "accuracy_block", "accuracy_random", "accuracy_majority", "seconds", "outputs", "pixels", "classes",
    }  # fmt: skip
    assert demo.figures["accuracy_block"] >= 0.85
    assert demo.figures["accuracy_majority"] + 0.3 < demo.figures["accuracy_block"] <= 1
    assert demo.figures["accuracy_random"] <= 1
    assert demo.figures["parcel_agreement"] >= 0.85
    assert demo.figures["answers"] > 0
    assert 0 < demo.figures["seconds"] < 200


def test_the_table_tells_each_step_and_the_words_of_progress_go_to_stderr(demo):
    assert [step["name"] for step in demo.figures["steps"]] == STEPS
    table = demo.stdout[: demo.stdout.index("\n{")]
    for step in demo.figures["steps"]:
        assert re.search(rf"│ {re.escape(step['name'])} +│", table)
        assert step["outcome"]
        assert step["figure"]
    assert [line.partition(":")[0] for line in demo.stderr.splitlines()] == STEPS
    assert "\r" not in demo.stderr
    assert "\x1b" not in demo.stdout + demo.stderr


def test_every_output_exists_and_opens_in_the_software_that_it_is_for(demo):
    outputs = demo.figures["outputs"]
    assert set(outputs) == {"ndvi", "dataset", "model", "map", "parcels", "graph"}
    assert all((demo.workspace / path).exists() for path in outputs.values())
    with rasterio.open(demo.result("map", "_class.tif")) as file:
        assert file.crs.to_epsg() == 32632
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        classes = file.read(1)
    assert set(np.unique(classes[np.isfinite(classes)])) <= set(range(1, 9))
    with xr.open_zarr(demo.output("map") / "cube.zarr", consolidated=False) as cube:
        (name,) = (n for n in cube.data_vars if n != "spatial_ref")
        np.testing.assert_array_equal(cube[name].sel(bands="class").squeeze(), classes)
    with rasterio.open(demo.result("map", "_confidence.tif")) as file:
        confidence = file.read(1)
    assert np.array_equal(np.isnan(confidence), np.isnan(classes))
    assert np.nanmin(confidence) >= 1 / demo.figures["classes"] - 1e-6
    assert np.nanmax(confidence) <= 1 + 1e-6
    assert len(list(demo.output("ndvi").glob("*.tif"))) == 8
    assert {p.name for p in demo.output("model").iterdir()} >= {"item.json", "model.onnx", "report.json"}
    assert pyarrow.parquet.read_table(demo.output("parcels")).num_rows > 100


def test_the_accuracy_printed_is_that_of_the_confusion_matrix(demo):
    report = json.loads((demo.output("model") / "report.json").read_text())
    for split in ("block", "random"):
        confusion = np.array(report["splits"][split]["confusion"])
        assert confusion.sum() == demo.figures["pixels"]
        accuracy = np.trace(confusion) / confusion.sum()
        assert demo.figures[f"accuracy_{split}"] == pytest.approx(accuracy, abs=5e-5)


def test_the_map_agrees_with_the_truth_that_the_model_never_saw(demo):
    with rasterio.open(demo.result("map", "_class.tif")) as file:
        classes, transform = file.read(1), file.transform
    with rasterio.open(next((demo.archive / "reference").glob("reference_32UQU*/*.tif"))) as file:
        reference = file.read(1)
        row = round((transform.f - file.transform.f) / 10)
        col = round((file.transform.c - transform.c) / 10)
    part = classes[-row if row < 0 else row :][: file.height, col : col + file.width]
    known = (reference != 0) & np.isfinite(part)
    assert known.sum() > 5000
    assert (part[known] == reference[known]).mean() > 0.95


def test_the_class_of_each_parcel_is_that_of_most_of_its_pixels_by_rasterio(demo):
    parcels = gpd.read_parquet(demo.output("parcels"))
    (declared,) = (demo.archive / "parcels").rglob("*.parquet")
    collection = json.loads((demo.archive / "reference" / "collection.json").read_text())
    classes = collection["item_assets"]["classes"]["classification:classes"]
    names = {c["value"]: c["name"] for c in classes}
    everyone = gpd.read_parquet(declared)
    counted = 0
    with (
        rasterio.open(demo.result("map", "_class.tif")) as classes,
        rasterio.open(demo.result("map", "_confidence.tif")) as confidences,
    ):
        shapes = everyone.to_crs(classes.crs).set_index("id").geometry
        told = parcels.set_index("id")
        for name, shape in shapes.items():
            values, _ = rasterio.mask.mask(classes, [shape], crop=True, filled=False)
            sure, _ = rasterio.mask.mask(confidences, [shape], crop=True, filled=False)
            inside = values.data[~values.mask & np.isfinite(values.data)]
            if not inside.size:
                assert name not in told.index
                continue
            counts = Counter(inside.tolist())
            row = told.loc[name]
            assert counts[row["class_value"]] == max(counts.values())
            assert row["class"] == names[row["class_value"]]
            assert row["pixels"] == inside.size
            assert row["share"] == pytest.approx(max(counts.values()) / inside.size)
            winning = sure.data[~values.mask & (values.data == row["class_value"])]
            assert row["confidence"] == pytest.approx(winning.mean(), rel=1e-5)
            counted += 1
    assert counted == len(parcels) > 100


def test_the_layers_of_the_map_page_are_there_and_can_be_planned(demo):
    with eocene.open(demo.workspace, create=False) as ws:
        layers = {layer.id: layer for layer in ws.layers.list()}
        assert set(layers) == {"true-colour", "ndvi", "land-cover", "confidence", "parcels"}
        for layer in layers.values():
            if layer.kind == "raster":
                assert ws.plan(layer.process["process_graph"]).is_cube
        assert (ws.layout.root / layers["parcels"].source).is_file()


def test_the_jobs_of_the_demo_are_finished_and_hold_their_lineage(demo):
    with eocene.open(demo.workspace, create=False) as ws:
        assert {job.status for job in ws.jobs.list()} == {"finished"}
    document = json.loads((demo.output("map") / "collection.json").read_text())
    derived = [link for link in document["links"] if link["rel"] == "derived_from"]
    assert len(derived) == len(list((demo.archive / "sentinel-2-l2a").glob("S2*")))
    assert document["processing:expression"]["expression"]["map"]["process_id"] == "ml_predict"


def test_without_satellite_scenes_or_a_reference_the_application_says_what_to_ingest(demo, tmp_path):
    with eocene.open(tmp_path / "w") as ws:
        for needed in ("sentinel-2-l2a", "reference"):
            with pytest.raises(InputError, match=f"needs the collection '{needed}'") as error:
                plan_study(ws.archive)
            assert "Ingest" in error.value.remedy
            scene = next((demo.archive / "sentinel-2-l2a").glob("S2*/S2*.json"))
            ws.ingest(scene, collection="sentinel-2-l2a")


@pytest.mark.parametrize("trees", [30, pytest.param(None, marks=pytest.mark.long)])
def test_the_real_patch_is_mapped_well_and_soon(tmp_path, real_data, monkeypatch, trees):
    data = real_data / "worldcereal-minicubes"
    if not data.is_dir():
        pytest.skip("the WorldCereal minicubes are not beside the checkout")
    if trees is not None:  # a smaller forest than the application's, which is not better for it
        monkeypatch.setattr(study, "ModelSpec", lambda **_: ModelSpec(settings={"n_estimators": trees}))
    eocene.open(tmp_path / "w").close()
    before = resource.getrusage(resource.RUSAGE_SELF)
    figures = run_demo(Layout(tmp_path / "w"), Steps(), data=data)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert figures["accuracy_block"] >= 0.84
    assert figures["accuracy_random"] >= figures["accuracy_block"] - 0.02
    assert figures["pixels"] == 4096
    assert figures["answers"] > 0
    # Processor time of two cores, since the machine may be shared.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2 * 40
