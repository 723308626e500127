"""Wrong input, in Python and on the command line: the fault and the remedy are named, nothing changes."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from tests.command import call
from tests.snapshot import take_snapshot

import eocene
from eocene.model import DamageError, EoceneError

if TYPE_CHECKING:
    from pathlib import Path

S2 = "sentinel-2-l2a"


@pytest.fixture(scope="module")
def copy(simulated_world, tmp_path_factory) -> Path:
    """A small part of the simulated archive that a test may damage: two scenes with their catalogue."""
    folder = tmp_path_factory.mktemp("damaged") / "archive"
    source = simulated_world.folder / S2
    collection = json.loads((source / "collection.json").read_text())
    links = [link for link in collection["links"] if link["rel"] == "item"][:2]
    others = [link for link in collection["links"] if link["rel"] not in ("item", "root", "parent")]
    for link in links:
        scene = (source / link["href"]).resolve().parent
        shutil.copytree(scene, folder / scene.name)
    (folder / "collection.json").write_text(json.dumps({**collection, "links": [*links, *others]}))
    return folder


@pytest.fixture
def desk(tmp_path, simulated_world) -> Path:
    """A workspace with one scene in it."""
    scene = next((simulated_world.folder / S2).glob("S2?_32UQU_20240613*"))
    with eocene.open(tmp_path / "w") as ws:
        ws.ingest(scene / f"{scene.name}.json", collection=S2)
        assert ws.jobs.list() == ()
    return tmp_path / "w"


def load_graph(**arguments: Any) -> dict[str, Any]:
    known = {"id": S2, "bands": ["B04"], "spatial_extent": None, "temporal_extent": None}
    return {"load": {"process_id": "load_collection", "arguments": {**known, **arguments}, "result": True}}


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    return {"spatial_extent": {"west": west, "south": south, "east": east, "north": north}}


@pytest.mark.parametrize(
    ("graph", "code", "told"),
    [
        (load_graph(bands=["B99"]), None, ["B99", "B02"]),
        (load_graph(**box(12.0, 48.3, 12.0, 48.3)), None, ["12", "48.3"]),
        (load_graph(**box(12.0, 48.4, 12.1, 48.3)), None, ["48.4"]),
        (load_graph(**box(0.0, 0.0, 1.0, 1.0)), None, ["(0, 0, 1, 1)", "covers"]),
        (load_graph(id="sentinel-9"), "CollectionNotFound", ["sentinel-9", S2]),
        (load_graph(temporal_extent=["2024-06-01", "2024-06-01"]), "TemporalExtentEmpty", ["2024-06-01"]),
        (load_graph(temporal_extent=["1999-01-01", "2000-01-01"]), None, ["1999"]),
        ({"a": {"process_id": "ndwi", "arguments": {}, "result": True}}, "ProcessUnsupported", ["ndwi"]),
        ({"a": {"process_id": "add", "arguments": {"x": 1}, "result": True}}, None, ["'y'"]),
        ({"a": {"process_id": "add", "arguments": {"x": 1, "y": 2}}}, None, ["result"]),
    ],
)  # fmt: skip
def test_a_wrong_graph_is_refused_before_a_pixel_is_read(desk, tmp_path, graph, code, told):
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(graph))
    before = take_snapshot(tmp_path)
    with eocene.open(desk) as ws:
        ws.archive.open_raster = None  # type: ignore[method-assign, assignment]
        with pytest.raises(EoceneError) as error:
            eocene.run(graph, workspace=ws)
    assert error.value.remedy
    assert code is None or error.value.code == code
    assert all(word in str(error.value) for word in told)
    commands = [("run", path, "-o", tmp_path / "out.tif"), ("jobs", "--submit", path)]
    for command in commands:
        said = call(*command, "-w", desk)
        assert (said.code, said.out) == (2, "")
        assert said.err == f"eocene: {error.value.code}: {error.value}\n"
    assert take_snapshot(tmp_path) == before


@pytest.mark.parametrize("fault", ["half-written", "empty", "noise", "missing"])
def test_a_product_with_a_damaged_file_is_named_and_none_of_it_is_ingested(desk, tmp_path, copy, fault):
    product = tmp_path / "product"
    shutil.copytree(copy, product)
    band = sorted(product.rglob("*B08*"))[-1]
    if fault == "half-written":
        os.truncate(band, band.stat().st_size * 2 // 3)
    elif fault == "empty":
        os.truncate(band, 0)
    elif fault == "noise":
        band.write_bytes(bytes(range(256)) * 64)
    else:
        band.unlink()
    before = take_snapshot(desk)
    with eocene.open(desk) as ws, pytest.raises(EoceneError, match=band.name) as error:
        ws.ingest(product / "collection.json")
    assert error.value.remedy
    said = call("ingest", product / "collection.json", "-w", desk)
    assert said.code == (1 if isinstance(error.value, DamageError) else 2)
    assert said.out == ""
    assert band.name in said.err
    assert said.err.count("\n") == 1
    assert take_snapshot(desk) == before
    said = call("ingest", product / "collection.json", "-w", tmp_path / "new" / "workspace")
    assert band.name in said.err
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_damaged_after_ingest_is_named_by_every_way_of_reading(tmp_path, copy):
    product = tmp_path / "product"
    shutil.copytree(copy, product)
    with eocene.open(tmp_path / "w") as ws:
        assert len(ws.ingest(product / "collection.json")) == 2
        band = sorted(product.rglob("*B04*"))[0]
        os.truncate(band, band.stat().st_size // 2)
        before = take_snapshot(tmp_path)
        for read in (
            lambda: eocene.run(load_graph(), workspace=ws),
            lambda: ws.load(S2, bands=["B04"]).compute(),
        ):
            with pytest.raises(DamageError, match=band.name):
                read()
        # What does not need the file goes on.
        assert ws.load(S2, bands=["B08"]).notnull().any()
    said = call("load", S2, "--bands", "B04", "-o", tmp_path / "out.nc", "-w", tmp_path / "w")
    assert (said.code, said.out) == (1, "")
    assert band.name in said.err
    assert take_snapshot(tmp_path) == before


def test_a_path_that_is_no_product_is_named_with_what_can_be_read(desk, tmp_path):
    (tmp_path / "letter.docx").write_bytes(b"PK")
    (tmp_path / "folder").mkdir()
    before = take_snapshot(tmp_path)
    for path in ("letter.docx", "folder", "absent.tif", "/vsicurl/https://example.org/a.tif"):
        with eocene.open(desk) as ws, pytest.raises(EoceneError) as error:
            ws.ingest(path if path.startswith("/vsi") else tmp_path / path)
        assert path.split("/")[-1] in str(error.value)
        assert error.value.remedy
        assert call("ingest", path if path.startswith("/vsi") else tmp_path / path, "-w", desk).code == 2
    assert take_snapshot(tmp_path) == before
