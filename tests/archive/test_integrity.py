"""One flipped byte anywhere in the archive is found and named, and fetched again where it came from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.archive import Archive, Search
from eocene.archive.fetch import Checksum, digest_file
from eocene.archive.integrity.checksums import add_checksums
from eocene.archive.mirror.sync_source import Wanted
from eocene.model import DamageError, InputError, Layout, NotFoundError
from eocene.testing.faults import Fault, Faults
from eocene.testing.products.sentinel2 import write_safe

from ..command import call
from .sync_source import StacSource

S2 = Wanted("s2")


@pytest.fixture
def held(archive, products, tmp_path):
    """An archive with one item, whose asset B04 is a COG, and the path of that."""
    folder = products.make_static_catalogue(tmp_path / "product")
    archive.ingest(folder)
    return archive, folder / "cogs" / "B04.tif"


def flip(path, position):
    data = bytearray(path.read_bytes())
    data[position % len(data)] ^= 0x01
    path.write_bytes(data)


def test_every_asset_that_comes_in_has_the_size_and_hash_of_its_file(held):
    archive, path = held
    asset = archive.catalogue.item("s2", "scene")["assets"]["B04"]
    assert asset["file:size"] == path.stat().st_size
    assert asset["file:checksum"] == str(Checksum.parse(asset["file:checksum"]))
    assert Checksum.parse(asset["file:checksum"]).matches(path)
    assert any("/file/" in url for url in archive.catalogue.item("s2", "scene")["stac_extensions"])


@pytest.fixture(scope="module")
def shared(tmp_path_factory, products):
    folder = products.make_static_catalogue(tmp_path_factory.mktemp("integrity") / "product")
    archive = Archive(Layout(folder.with_name("workspace")))
    archive.ingest(folder)
    yield archive, folder / "cogs" / "B04.tif"
    archive.close()


@given(position=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_is_found_and_named(shared, position, bit):
    archive, path = shared
    right = path.read_bytes()
    data = bytearray(right)
    data[position % len(data)] ^= 1 << bit
    try:
        path.write_bytes(data)
        (finding,) = archive.verify().findings
    finally:
        path.write_bytes(right)
    assert (finding.fault, finding.file) == ("changed", str(path))
    assert finding.uses == (("s2", "scene", "B04"),)
    assert archive.verify().is_sound


def test_what_is_missing_or_cut_off_is_told_apart(held):
    archive, path = held
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    assert [f.fault for f in archive.verify().findings] == ["truncated"]
    path.write_bytes(data + b"x")
    assert [f.fault for f in archive.verify(["s2"]).findings] == ["changed"]
    path.unlink()
    (finding,) = archive.verify().findings
    assert (finding.fault, finding.file) == ("missing", str(path))
    with pytest.raises(NotFoundError):
        archive.verify(["s3"])


def test_a_checksum_that_an_item_tells_is_held_to(archive, products, tmp_path):
    folder = products.make_static_catalogue(tmp_path / "product")
    file = folder / "s2" / "scene.json"
    item = json.loads(file.read_text())
    path = folder / "cogs" / "B04.tif"
    right = digest_file(path, "md5")
    item["assets"]["B04"]["file:checksum"] = str(right)
    file.write_text(json.dumps(item))
    archive.ingest(folder)
    assert archive.catalogue.item("s2", "scene")["assets"]["B04"]["file:checksum"] == str(right)
    flip(path, 5000)
    assert not archive.verify().is_sound
    with pytest.raises(DamageError, match=r"B04\.tif"):
        archive.ingest(folder)


def test_without_checksums_the_archive_says_what_it_cannot_tell(archive, products, tmp_path):
    folder = products.make_static_catalogue(tmp_path / "product")
    archive.ingest(folder, checksums=False)
    assert "file:checksum" not in archive.catalogue.item("s2", "scene")["assets"]["B04"]
    report = archive.verify()
    assert (report.files, report.unchecked, report.is_sound) == (0, 1, True)


def test_a_file_of_many_items_is_read_once_and_names_them_all(archive, products, tmp_path):
    values = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
    path = products.make_netcdf(tmp_path / "cube.nc", {"B02": values, "B03": values})
    items = archive.ingest(path, collection="cube")
    assert len(items) == 3
    assert archive.verify().files == 1
    flip(path, path.stat().st_size // 2)
    (finding,) = archive.verify().findings
    assert len(finding.uses) == sum(len(item["assets"]) for item in items) == 6


def test_the_file_in_a_folder_that_changed_is_named(archive, products, tmp_path):
    """A Zarr store is an asset of many files."""
    store = tmp_path / "cube.zarr"
    for name in ("zarr.json", "red/zarr.json", "red/c/0/0", "red/c/0/1"):
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_bytes(name.encode() * 50)
    item = products.make_item("tree", assets={"data": {"href": str(store), "roles": ["data"]}})
    door = archive.door().widen([store])
    (item,) = add_checksums([item], door, archive.layout.checksums)
    assert item["assets"]["data"]["file:size"] == sum(
        f.stat().st_size for f in store.rglob("*") if f.is_file()
    )
    archive.catalogue.put_items([item], collections=[products.collection], roots=[store])
    assert archive.verify().is_sound
    flip(store / "red/c/0/1", 3)
    (store / "red/c/0/0").unlink()
    (store / "red/c/0/2").write_bytes(b"new")
    found = {finding.file: finding.fault for finding in archive.verify().findings}
    assert found == {
        f"{store}/red/c/0/1": "changed",
        f"{store}/red/c/0/0": "missing",
        f"{store}/red/c/0/2": "added",
    }
    (list_file,) = archive.layout.checksums.iterdir()
    list_file.write_text(list_file.read_text().replace("red", "bed"))
    (finding,) = archive.verify().findings
    assert finding.fault == "unreadable"


def test_a_folder_whose_links_lead_outside_is_not_read(archive, products, tmp_path):
    store = tmp_path / "cube.zarr"
    store.mkdir()
    (tmp_path / "secret").write_text("s")
    (store / "0").symlink_to(tmp_path / "secret")
    item = products.make_item("tree", assets={"data": {"href": str(store)}})
    with pytest.raises(InputError, match="outside"):
        add_checksums([item], archive.door().widen([store]), archive.layout.checksums)


@pytest.fixture
def mirrored(archive, products, tmp_path, monkeypatch):
    source = StacSource(tmp_path / "source", products, scenes=2)
    monkeypatch.setenv("EOCENE_REMOTE_PRIVATE", source.server.host)
    with source.server:
        archive.sync(source.server.url, S2)
        yield archive, source


def file_of(archive, band="red"):
    return Path(archive.catalogue.item("s2", "scene-0")["assets"][band]["href"])


def test_a_repair_fetches_the_damaged_file_alone_and_puts_the_right_one_in_place(mirrored):
    archive, source = mirrored
    red, nir = file_of(archive), file_of(archive, "nir")
    right = red.read_bytes()
    flip(red, 1234)
    nir.unlink()
    source.fetched()
    source.server.faults = Faults([Fault("wrong bytes")])
    report = archive.verify(repair=True)
    assert source.fetched() == ["/data/scene-0/nir.tif", "/data/scene-0/red.tif"]
    assert (len(report.repaired), report.findings) == (2, [])
    assert red.read_bytes() == right
    assert archive.verify().is_sound


def test_a_file_that_cannot_be_had_again_stays_as_it_is_and_is_told(mirrored):
    archive, source = mirrored
    red = file_of(archive)
    flip(red, 1234)
    damaged = red.read_bytes()
    source.put(0, seed=5)  # the source has another file by now
    report = archive.verify(repair=True)
    (finding,) = report.findings
    assert "not repaired" in finding.message
    assert "checksum" in finding.message
    assert red.read_bytes() == damaged
    assert not list(red.parent.glob("*.partial*"))


def test_a_repair_goes_only_where_the_operator_has_mirrored_from(mirrored, products, tmp_path):
    archive, _ = mirrored
    item = archive.catalogue.item("s2", "scene-0")
    with StacSource(tmp_path / "elsewhere", products, scenes=1).server as other:
        item["assets"]["red"]["alternate"]["source"]["href"] = f"{other.url}/data/scene-0/red.tif"
        archive.catalogue.put_items([item])
        flip(file_of(archive), 7)
        report = archive.verify(repair=True)
        assert len(report.findings) == 1
        assert other.requests == 0


def test_who_names_another_checksum_for_a_file_of_others_changes_nothing(mirrored):
    archive, _ = mirrored
    item = archive.catalogue.item("s2", "scene-0")
    forged = json.loads(json.dumps(item)) | {"id": "forged"}
    forged["assets"]["red"]["file:checksum"] = "1220" + "00" * 32
    archive.catalogue.put_items([forged])
    right = file_of(archive).read_bytes()
    report = archive.verify(repair=True)
    assert report.repaired == []
    assert file_of(archive).read_bytes() == right


def test_the_command_names_item_asset_and_file_and_ends_with_1(held):
    archive, path = held
    archive.layout.marker.write_text("{}")
    flip(path, 99)
    said = call("verify", "-w", archive.layout.root)
    assert said.code == 1
    (damaged,) = json.loads(said.out)["damaged"]
    assert damaged["assets"] == [{"collection": "s2", "item": "scene", "asset": "B04"}]
    assert damaged["file"] == str(path)
    assert str(path) in said.err


def test_a_product_that_comes_again_from_elsewhere_keeps_its_former_version(archive, products, tmp_path):
    first = products.make_static_catalogue(tmp_path / "first")
    second = products.make_static_catalogue(tmp_path / "second")
    products.make_cog(second / "cogs" / "B04.tif", products.random_pixels(200, 300, 5))
    archive.ingest(first)
    archive.ingest(second)
    newest, older = archive.versions("s2", "scene")
    for item, folder, seed in ((newest, second, 5), (older, first, 1)):
        assert item["assets"]["B04"]["href"] == str(folder / "cogs" / "B04.tif")
        raster = archive.open_raster(item["assets"]["B04"])
        np.testing.assert_array_equal(raster.read(raster.levels[0]), products.random_pixels(200, 300, seed))
    assert [i["id"] for i in archive.catalogue.search(Search(collections=("s2",)))] == ["scene"]
    archive.ingest(second)
    assert len(archive.versions("s2", "scene")) == 2, "the same again is no version"


@pytest.mark.parametrize("packed", [False, True])
def test_a_flipped_byte_in_any_file_of_a_product_is_named(archive, tmp_path, packed):
    """A SAFE folder has a file for each asset; of a zip file, all assets lie in one."""
    pixels = np.random.default_rng(1).integers(1, 9000, (64, 64), dtype=np.uint16)
    product = write_safe(tmp_path / "in", {"B02": pixels, "B03": pixels + 1, "B8A": pixels[:32, :32]})
    if packed:
        product = Path(shutil.make_archive(str(product), "zip", product.parent, product.name))
    (item,) = archive.ingest(product)
    assert archive.verify().is_sound
    named = {asset["href"] for asset in item["assets"].values()}
    assert len(named) == 1 if packed else len(named) > 3
    for href in named:
        right = Path(href).read_bytes()
        flip(Path(href), len(right) // 2)
        (finding,) = archive.verify().findings
        Path(href).write_bytes(right)
        assert (finding.fault, finding.file) == ("changed", href)
        uses = {name for name, asset in item["assets"].items() if asset["href"] == href}
        assert {use[2] for use in finding.uses} == uses
