from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pystac
import pystac.validation
import pytest
import zarr

from eocene.curate import Samples
from eocene.curate.dataset import Dataset, DatasetWriter, Layer
from eocene.curate.dataset.shards import checksum, decode_chunk, encode_chunk
from eocene.model import DamageError, InputError, NotFoundError
from eocene.testing.faults import FaultServer


def folder_of(dataset: Dataset) -> Path:
    return Path(dataset.pixels().files.root)


def test_every_row_has_its_own_pixels_label_and_item(dataset, material):
    origin = material.origin(dataset)
    assert sorted(origin) == list(range(300))
    assert not np.array_equal(origin, np.arange(300))  # they were shuffled
    everything = dataset.read(layer="s1")
    np.testing.assert_array_equal(everything.features, material.radar[origin])
    np.testing.assert_array_equal(everything.labels, material.labels[origin])
    assert everything.columns["item"].tolist() == material.items[origin].tolist()
    assert (everything.columns["time"] == material.time[origin]).all()
    assert dataset.class_names == {1: "wheat", 2: "maize", 3: "3"}


def test_rows_are_read_in_the_order_asked_for_and_unpacked(dataset, material):
    rows = np.array([299, 0, 31, 31])
    read = dataset.read(rows, layer="s2")
    expected = material.numbers[material.origin(dataset)[rows]] * np.float32(1e-4)
    np.testing.assert_allclose(read.features, expected, rtol=1e-6)
    assert read.sources["dataset"] == dataset.id
    assert len(dataset.read(dataset.labels == 2, layer="s1")) == int((material.labels == 2).sum())
    with pytest.raises(InputError, match="300 samples"):
        dataset.read(np.array([300]))


@pytest.mark.parametrize("layer", ["s1", "s2"])
def test_the_zarr_library_reads_the_same_numbers(dataset, layer):
    array = zarr.open_group(folder_of(dataset) / "pixels.zarr", mode="r")[layer]
    stored = dataset.pixels(layer).read(np.arange(len(dataset)))
    np.testing.assert_array_equal(array[:], stored)
    assert array.metadata.dimension_names[0] == "sample"


def test_equal_content_has_an_equal_id_however_it_came(dataset, material, tmp_path):
    assert material.write(tmp_path, step=300).id == dataset.id
    assert material.write(tmp_path, seed=1).id != dataset.id
    assert material.write(tmp_path, sources={}).id != dataset.id
    assert not list(tmp_path.glob(".*"))


def test_a_value_that_is_missing_is_nan_again(tmp_path):
    layer = Layer({"bands": ("a", "b")}, "int16", 0.01, 1.0, -32768)
    values = np.array([[1.25, np.nan], [-3.0, 4.0]])
    with DatasetWriter(tmp_path, {"a": layer}, epsg=32632, seed=None) as writer:
        writer.append({"a": values}, np.array([1, 1]), np.zeros(2), np.zeros(2))
        read = Dataset.open(writer.finish()).read()
    np.testing.assert_allclose(read.features, values, atol=1e-6)


@pytest.mark.parametrize(
    ("value", "layer", "text"),
    [
        (70_000.0, Layer({"b": ("a",)}, "uint16", nodata=0), "cannot be stored"),
        (0.0, Layer({"b": ("a",)}, "uint16", nodata=0), "cannot be stored"),
        (np.nan, Layer({"b": ("a",)}, "uint16"), "no no-data"),
    ],
)
def test_a_number_that_would_change_is_refused_and_leaves_nothing(value, layer, text, tmp_path):
    with pytest.raises(InputError, match=text), DatasetWriter(tmp_path, {"a": layer}, epsg=32632) as writer:
        writer.append({"a": np.array([[value]])}, np.ones(1), np.zeros(1), np.zeros(1))
    assert not list(tmp_path.iterdir())


def test_parts_must_have_the_same_columns_and_layers(tmp_path):
    with DatasetWriter(tmp_path, {"a": Layer({"b": ("a",)})}, epsg=32632) as writer:
        one = np.ones((1, 1), np.float32)
        writer.append({"a": one}, np.ones(1), np.zeros(1), np.zeros(1), {"cloud": np.zeros(1)})
        with pytest.raises(InputError, match="columns"):
            writer.append({"a": one}, np.ones(1), np.zeros(1), np.zeros(1))
        with pytest.raises(InputError, match="pixels of"):
            writer.append({}, np.ones(1), np.zeros(1), np.zeros(1), {"cloud": np.zeros(1)})


def damage(folder: Path, name: str, place: int) -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    content[place] ^= 0x40
    path.write_bytes(content)


@pytest.mark.parametrize("layer", ["s1", "s2"])
@pytest.mark.parametrize("place", [5, 40, -1, -30])
def test_a_flipped_bit_of_the_pixels_is_found_where_it_is_read(dataset, tmp_path, layer, place):
    copy = tmp_path / "copy"
    shutil.copytree(folder_of(dataset), copy)
    damage(copy, f"pixels.zarr/{layer}/c/0/0/0/0", place)
    opened = Dataset.open(copy)
    with pytest.raises(DamageError):
        opened.verify()
    with pytest.raises(DamageError):
        for _ in opened.stream(32, layers=(layer,)):
            pass


def test_a_changed_table_or_description_is_found(dataset, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder_of(dataset), copy)
    sidecar = json.loads((copy / "dataset.json").read_text())
    (copy / "dataset.json").write_text(json.dumps(sidecar | {"class_names": {"1": "rye"}}))
    with pytest.raises(DamageError, match="not what its id"):
        len(Dataset.open(copy).table)
    (copy / "dataset.json").write_text(json.dumps(sidecar | {"layers": {"../up": sidecar["layers"]["s1"]}}))
    with pytest.raises(DamageError, match="cannot be a layer"):
        Dataset.open(copy)


def test_a_missing_shard_is_damage_and_no_data_set_is_not_found(dataset, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder_of(dataset), copy)
    (copy / "pixels.zarr/s2/c/0/0/0/0").unlink()
    with pytest.raises(DamageError):
        Dataset.open(copy).read(np.array([0]), layer="s2")
    with pytest.raises(NotFoundError):
        Dataset.open(tmp_path / "none")


def test_one_sample_is_read_behind_a_url_by_ranges(dataset, material):
    with FaultServer(folder_of(dataset)) as server:
        remote = Dataset.open(server.url, server.door())
        assert remote.id == dataset.id
        before = server.sent_bytes
        read = remote.pixels("s2").read(np.array([123]))
        shards = len(dataset) * read.nbytes
        assert server.sent_bytes - before < shards / 50
        batches = remote.stream(64, 1, layers=("s2",), stored=True)
        assert np.array_equal(next(iter(batches)).rows, next(iter(dataset.stream(64, 1))).rows)
    np.testing.assert_array_equal(read[0], material.numbers[material.origin(dataset)[123]])


def test_stac_beside_it_is_valid_and_complete(dataset):
    folder = folder_of(dataset)
    collection = pystac.Collection.from_file(str(folder / "collection.json"))
    (item,) = collection.get_items()
    for found in (collection, item):
        assert pystac.validation.validate_dict(found.to_dict() | {"stac_extensions": []})
    assert collection.license == "CC-BY-4.0"
    assert item.properties["table:row_count"] == 300
    assert all((folder / asset.href).exists() for asset in item.assets.values())
    assert item.properties["start_datetime"] == "2024-03-01T00:00:00Z"


def test_the_card_and_trainingdml_name_classes_columns_and_licence(dataset):
    folder = folder_of(dataset)
    card = json.loads((folder / "card.json").read_text())
    assert card["licence"] == "CC-BY-4.0"
    assert sum(c["samples"] for c in card["classes"]) == 300
    told = {c["name"]: c for c in card["columns"]}
    assert told["item"]["distinct"] == 7
    assert told["time"]["minimum"] == "2024-03-01T00:00:00Z"
    assert "Licence: CC-BY-4.0" in (folder / "card.md").read_text()
    training = json.loads((folder / "trainingdml.json").read_text())
    assert training["type"] == "AI_EOTrainingDataset"
    assert training["amountOfTrainingData"] == len(training["data"]) == 300
    names = [datum["labels"][0]["class"] for datum in training["data"]]
    assert names == [dataset.class_names[v] for v in dataset.labels.tolist()]


def test_the_card_claims_no_soundness_that_nobody_has_looked_for(dataset, tmp_path):
    part = dataset.read(np.arange(3))
    purity = np.array([0.36, 0.5, 1.0], np.float32)
    bare = replace(part, faults={}, columns={"purity": purity})
    card = (bare.save(tmp_path) / "card.md").read_text()
    assert "None are recorded; `eocene dataset check` looks for them." in card
    assert "| purity | 0.36 | 1 |  |" in card
    known = (replace(bare, faults={"nodata_dropped": 2}).save(tmp_path) / "card.md").read_text()
    assert "- nodata dropped: 2" in known
    assert "None are recorded" not in known


def test_samples_in_memory_are_stored_in_the_same_form(dataset, tmp_path):
    radar = dataset.read(layer="s1")
    folder = radar.save(tmp_path)
    assert Dataset.open(folder).id == radar.id == Samples.load(folder).id


@pytest.mark.parametrize("place", [4, 12])
def test_a_chunk_whose_header_lies_is_refused_before_it_is_unpacked(place):
    chunk = bytearray(encode_chunk(np.arange(4000, dtype=np.uint16)))
    chunk[place : place + 4] = (2**30).to_bytes(4, "little")
    chunk[-4:] = checksum.value(bytes(chunk[:-4])).to_bytes(4, "little")
    with pytest.raises(DamageError, match="a shard"):
        decode_chunk(bytes(chunk), np.empty(4000, np.uint16), "a shard")
