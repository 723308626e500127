"""Vectors of a cube: as a process in a graph, as an index, and what encoders of others must be."""

from __future__ import annotations

import numpy as np
import pytest
from tests.learn.embed.linear import make_onnx

from eocene.archive import Archive
from eocene.learn.embed import VectorStore
from eocene.learn.embed.encoder import VECTORS, adapt_onnx
from eocene.learn.embed.encoders import EncoderStore
from eocene.learn.embed.gather import add_embedding, gather_embeddings
from eocene.learn.features import make_feature_graph
from eocene.model import DamageError, EoceneError, InputError, Layout, NotFoundError
from eocene.process import make_plan
from eocene.testing.simulate import simulate_archive

pytest.importorskip("faiss")
onnx = pytest.importorskip("onnx")

pytestmark = pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")
MONTHS = ["2024-03-01", "2024-05-01"]
BANDS = ("B02", "B03", "B04", "B08", "B11", "B12", "NDVI")
CHIP = 16


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Archive:
    folder = tmp_path_factory.mktemp("world")
    simulate_archive(folder / "products", size=128, dates=4, seed=3)
    (folder / "workspace").mkdir()
    archive = Archive(Layout(folder / "workspace"))
    archive.ingest(folder / "products")
    return archive


@pytest.fixture(scope="module")
def features(archive):
    return make_plan(make_feature_graph(MONTHS), archive).read()


@pytest.fixture(scope="module")
def pixels(archive) -> tuple[str, np.ndarray]:
    """An encoder of two months of seven bands, of somebody else, and its matrix."""
    weights = np.random.default_rng(0).normal(size=(14, 4)).astype(np.float32)
    axes = {"t": ("2024-03", "2024-04"), "bands": BANDS}
    data, signature = adapt_onnx(make_onnx(weights, [14]), axes, mean=0.1, deviation=0.5)
    store = EncoderStore(archive.layout.encoders)
    return store.write("linear", data, signature, about={"mlm:architecture": "A matrix"}), weights


@pytest.fixture(scope="module")
def chips(archive) -> tuple[str, np.ndarray]:
    weights = np.random.default_rng(1).normal(size=(2 * CHIP * CHIP, 3)).astype(np.float32)
    axes = {"bands": ("B04", "B08"), "y": tuple(map(str, range(CHIP))), "x": tuple(map(str, range(CHIP)))}
    data, signature = adapt_onnx(make_onnx(weights, [2, CHIP, CHIP]), axes)
    return EncoderStore(archive.layout.encoders).write("chips", data, signature), weights


def chip_graph(encoder: str) -> dict:
    load = {
        "id": "sentinel-2-l2a",
        "spatial_extent": None,
        "temporal_extent": MONTHS,
        "bands": ["B08", "B04"],
    }
    return add_embedding(
        {"load": {"process_id": "load_collection", "arguments": load, "result": True}}, encoder
    )


def test_the_vectors_of_pixels_are_the_encoders(archive, features, pixels):
    encoder, weights = pixels
    cube = make_plan(add_embedding(make_feature_graph(MONTHS), encoder), archive).read()
    assert cube.dims == ("bands", "y", "x")
    assert cube["bands"].to_numpy().tolist() == ["e000", "e001", "e002", "e003"]
    rows = features.transpose("y", "x", "t", "bands").to_numpy().reshape(-1, 14)
    expected = np.nan_to_num((rows - 0.1) / 0.5) @ weights
    expected[np.isnan(rows).all(axis=1)] = np.nan
    np.testing.assert_allclose(cube.to_numpy().reshape(4, -1).T, expected, atol=1e-4)


def test_the_vectors_of_chips_stand_on_an_absolute_lattice(archive, chips):
    encoder, weights = chips
    plan = make_plan(chip_graph(encoder), archive)
    whole = plan.read()
    grid = plan.grid
    assert grid.lattice.resolution == (10.0 * CHIP, 10.0 * CHIP)
    load = {
        "id": "sentinel-2-l2a",
        "temporal_extent": MONTHS,
        "bands": ["B04", "B08"],
        "spatial_extent": None,
    }
    source_plan = make_plan(
        {"load": {"process_id": "load_collection", "arguments": load, "result": True}}, archive
    )
    source, rows = source_plan.read(), -(-source_plan.grid.top // CHIP) * CHIP - source_plan.grid.top
    cols = -(-source_plan.grid.left // CHIP) * CHIP - source_plan.grid.left
    at = source.isel(y=slice(rows + CHIP, rows + 2 * CHIP), x=slice(cols, cols + CHIP), t=1)
    expected = np.nan_to_num(at.to_numpy().reshape(1, -1)) @ weights
    np.testing.assert_allclose(whole.isel(y=1, x=0, t=1).to_numpy(), expected[0], rtol=1e-4, atol=1e-3)
    assert float(whole["y"][1]) == float(at["y"].mean())
    for window in grid.blocks(3):
        part = plan.read(window)
        np.testing.assert_array_equal(part, whole.sel(x=part["x"], y=part["y"]))


def test_the_vectors_of_series_of_chips_rest_on_all_dates(archive, features):
    axes = {"t": ("2024-03", "2024-04"), "bands": ("B04", "B08")}
    side = tuple(map(str, range(CHIP)))
    weights = np.random.default_rng(2).normal(size=(4 * CHIP * CHIP, 3)).astype(np.float32)
    data, signature = adapt_onnx(make_onnx(weights, [2, 2, CHIP, CHIP]), {**axes, "y": side, "x": side})
    encoder = EncoderStore(archive.layout.encoders).write("courses", data, signature)
    plan = make_plan(add_embedding(make_feature_graph(MONTHS), encoder), archive)
    cube = plan.read()
    assert cube.dims == ("bands", "y", "x")
    grid = make_plan(make_feature_graph(MONTHS), archive).grid
    row, col = -grid.top % CHIP, -grid.left % CHIP
    first = features.sel(bands=["B04", "B08"]).isel(y=slice(row, row + CHIP), x=slice(col, col + CHIP))
    expected = np.nan_to_num(first.to_numpy().reshape(1, -1)) @ weights
    np.testing.assert_allclose(cube.isel(y=0, x=0).to_numpy(), expected[0], rtol=1e-4, atol=1e-3)


def test_an_area_becomes_an_index_that_finds_its_own_pixels(archive, features, pixels):
    plan = make_plan(add_embedding(make_feature_graph(MONTHS), pixels[0]), archive)
    found = gather_embeddings(plan, name="fields", step=4)
    grid, seen = plan.grid, features.notnull().any(("t", "bands")).to_numpy()
    assert len(found) == seen[-grid.top % 4 :: 4, -grid.left % 4 :: 4].sum() > 100
    assert found.sources["items"]
    index = VectorStore(archive.layout.embeddings).write(found)
    hits = index.search(found.vectors[7], 3)
    assert hits[0].id == found.ids[7]
    epsg, east, north = hits[0].id.split("/")[:3]
    assert (int(epsg), float(east) in features["x"], float(north) in features["y"]) == (32632, True, True)
    assert hits[0].time == f"{found.time[0]}Z"


def test_chips_keep_their_dates_and_become_cells(archive, chips):
    plan = make_plan(chip_graph(chips[0]), archive)
    found = gather_embeddings(plan, unit="chip")
    assert len(np.unique(found.time)) > 1
    cells = gather_embeddings(plan, unit="cell")
    assert cells.unit == "cell"
    assert len(cells) < len(found)
    assert all(len(cell) == 11 for cell in cells.ids.tolist())


def test_what_is_no_encoder_is_refused(archive, pixels, tmp_path):
    with pytest.raises(DamageError, match="no ONNX file"):
        adapt_onnx(b"\x80\x04pickle", {"bands": ("a",)})
    three = make_onnx(np.eye(3), [3])
    with pytest.raises(InputError, match=r"takes \(None, 3\), samples are \(2,\)"):
        adapt_onnx(three, {"t": ("2024-03",), "bands": ("a", "b")})
    data, signature = adapt_onnx(three, {"t": ("2024-03",), "bands": ("a", "b", "c")})
    outside = onnx.ModelProto.FromString(data)
    tensor = outside.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secrets")
    for bytes_ in (outside.SerializeToString(), data[:50], b"PK\x03\x04zip"):
        with pytest.raises(DamageError, match="refused"):
            EncoderStore(tmp_path).write("wrong", bytes_, signature)
    with pytest.raises(NotFoundError, match=f"no encoder 'nobody'.*{pixels[0]}"):
        make_plan(add_embedding(make_feature_graph(MONTHS), "nobody"), archive)
    assert list(tmp_path.iterdir()) == []


def test_wrong_graphs_name_the_fault(archive, pixels):
    graph = add_embedding(make_feature_graph(MONTHS), pixels[0])
    graph["vectors"]["arguments"]["model"] = "linear"
    with pytest.raises(EoceneError, match="not a loaded encoder"):
        make_plan(graph, archive)
    with pytest.raises(InputError, match="lacks 2024-04/B02"):
        make_plan(add_embedding(make_feature_graph(["2024-03-01", "2024-04-01"]), pixels[0]), archive)
    with pytest.raises(InputError, match="no result"):
        add_embedding({}, pixels[0])


def test_the_item_of_an_encoder_tells_what_it_takes(archive, pixels):
    item = EncoderStore(archive.layout.encoders).item(pixels[0])
    properties = item["properties"]
    assert properties["mlm:output"][0]["name"] == VECTORS
    assert properties["mlm:input"][0]["input"]["shape"] == [-1, 14]
    assert properties["mlm:architecture"] == "A matrix"
