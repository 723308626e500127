"""An encoder of somebody else: put in by a command, asked by others, refused where it could harm."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.learn.embed.linear import make_onnx, onnx
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.learn.embed.encoder import read_axes, spread_over_bands
from eocene.model import DamageError, InputError
from eocene.testing.simulate import simulate_archive

pytest.importorskip("faiss")

CHIP = 16
TAKES = json.dumps({"bands": ["B04", "B08"], "y": CHIP, "x": CHIP})
LOAD = {"id": "sentinel-2-l2a", "spatial_extent": None, "temporal_extent": None, "bands": ["B04", "B08"]}


def call(*arguments: str) -> dict:
    done = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A workspace with two dates, a graph of them, and a file with an encoder: the mean of each band."""
    folder = tmp_path_factory.mktemp("world")
    simulate_archive(folder / "products", size=128, dates=2, seed=3)
    with eocene.open(folder / "ws") as ws:
        ws.archive.ingest(folder / "products")
    graph = {"load": {"process_id": "load_collection", "arguments": LOAD, "result": True}}
    (folder / "graph.json").write_text(json.dumps(graph))
    weights = np.kron(np.eye(2), np.full((CHIP * CHIP, 1), CHIP**-2))
    (folder / "means.onnx").write_bytes(make_onnx(weights, [2, CHIP, CHIP], name="pixels"))
    return folder


def test_a_file_becomes_an_encoder_an_index_and_an_answer(place):
    file, ws, graph = place / "means.onnx", place / "ws", place / "graph.json"
    scale = ("--mean", "1000,2000", "--deviation", "500,100")
    added = call("add-encoder", file, "--takes", TAKES, "-w", ws, "--name", "means", *scale)
    assert added["length"] == 2
    (listed,) = call("encoders", "-w", ws)
    assert (listed["id"], listed["mlm:input"][0]["bands"]) == (added["encoder"], ["B04", "B08"])
    made = call("embed", graph, "--encoder", added["encoder"], "-w", ws, "--unit", "chip")
    with eocene.open(ws) as workspace:
        index = workspace.embeddings.open(made["index"])
        assert len(index) == made["count"] > 20
        place_of_one = f"--at={index.lon[3]},{index.lat[3]}"
        cube = workspace.load("sentinel-2-l2a", bands=["B04", "B08"])
        answer = workspace.encoders.load(added["encoder"])
        chip = cube.isel(t=0, y=slice(0, CHIP), x=slice(0, CHIP)).to_numpy()
    told = (chip - np.array([1000, 2000])[:, None, None]) / np.array([500, 100])[:, None, None]
    expected = np.nan_to_num(told).mean((1, 2))
    np.testing.assert_allclose(answer.embed(chip[None].astype(np.float32))[0], expected, rtol=1e-4, atol=1e-4)
    hits = call("similar", made["index"], "-w", ws, place_of_one, "--count", "2")
    assert len(hits) == 2
    assert hits[0]["score"] >= hits[1]["score"]


def test_files_that_could_harm_are_refused(place, tmp_path):
    outside = onnx.ModelProto.FromString((place / "means.onnx").read_bytes())
    weights = outside.graph.initializer[0]
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    weights.ClearField("raw_data")
    strange = onnx.ModelProto.FromString((place / "means.onnx").read_bytes())
    strange.graph.node[0].op_type = "RandomNormal"
    for bytes_, why in (
        (b"\x80\x04pickle", "no ONNX file"),
        (outside.SerializeToString(), "other files"),
        (strange.SerializeToString(), "RandomNormal"),
    ):
        (tmp_path / "bad.onnx").write_bytes(bytes_)
        with pytest.raises(DamageError, match=why):
            call("add-encoder", tmp_path / "bad.onnx", "--takes", TAKES, "-w", place / "ws", "--name", "bad")
    with eocene.open(place / "ws") as ws:
        assert not any(name.startswith("bad") for name in ws.encoders.ids())


def test_an_encoder_of_one_sample_at_a_time_is_refused(place, tmp_path):
    helper = onnx.helper
    model = onnx.ModelProto.FromString((place / "means.onnx").read_bytes())
    shape = onnx.numpy_helper.from_array(np.array([1, 2 * CHIP * CHIP]), "shape")
    model.graph.initializer.append(shape)
    model.graph.node[0].CopyFrom(helper.make_node("Reshape", ["pixels", "shape"], ["flat"]))
    (tmp_path / "one.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match=r"(?s)fails on 3 samples.*number of samples left free"):
        call("add-encoder", tmp_path / "one.onnx", "--takes", TAKES, "-w", place / "ws")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--takes", "bands"), "is no JSON"),
        (("--takes", '{"bands": []}'), "does not tell what an encoder takes"),
        (("--takes", '{"bands": ["B04"], "y": 16}'), "does not tell what an encoder takes"),
        (("--takes", '{"bands": ["B04"], "y": 16, "x": 16}'), "Name the axes"),
        (("--takes", TAKES, "--mean", "1,2,3"), "3 numbers stand for 2 bands"),
        (("--takes", TAKES, "--mean", "nan"), "not finite"),
        (("--takes", TAKES, "--deviation", "0"), "not positive"),
    ],
)
def test_what_does_not_fit_is_told(place, options, why):
    with pytest.raises(InputError, match=why):
        call("add-encoder", place / "means.onnx", "-w", place / "ws", *options)


def test_numbers_of_bands_stand_where_an_encoder_takes_them():
    chips = read_axes({"t": ["a", "b"], "bands": ["B04", "B08", "B11"], "y": 2, "x": 2})
    spread = spread_over_bands([1, 2, 3], chips)
    assert spread.shape == (2, 3, 2, 2)
    assert (spread == np.array([1, 2, 3])[None, :, None, None]).all()
    pixels = read_axes({"t": ["a", "b"], "bands": ["B04", "B08", "B11"]})
    assert spread_over_bands([1, 2, 3], pixels).tolist() == [1, 2, 3, 1, 2, 3]
    assert spread_over_bands([7], pixels).tolist() == [7] * 6
