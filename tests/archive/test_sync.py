"""A mirror holds what its source has, pixel for pixel, or says what is missing; it fetches what is new."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from eocene.archive import Archive, Search
from eocene.archive.mirror.sync_report import SyncOptions
from eocene.archive.mirror.sync_source import Wanted
from eocene.model import InputError, Layout, NotFoundError, StateError, UnavailableError

from .sync_source import StacSource

S2 = Wanted("s2")


@pytest.fixture
def source(tmp_path, products, monkeypatch):
    """A source that the operator lets this process reach, though it is on loopback."""
    made = StacSource(tmp_path / "source", products)
    monkeypatch.setenv("EOCENE_REMOTE_PRIVATE", made.server.host)
    with made.server:
        yield made


def check_pixels(archive, source, names=None, bands=("red", "nir")):
    """Compare every pixel of every mirrored item with what the source wrote."""
    items = archive.catalogue.search(Search(collections=("s2",), sortby=("id",)))
    assert [item["id"] for item in items] == sorted(source.items if names is None else names)
    for item in items:
        assert set(item["assets"]) == set(bands)
        for band, asset in item["assets"].items():
            raster = archive.open_raster(asset)
            np.testing.assert_array_equal(raster.read(raster.levels[0]), source.pixels[item["id"], band])
    return items


@pytest.mark.parametrize("methods", [["POST", "GET"], ["GET"]])
@pytest.mark.parametrize("checksums", [True, False])
def test_a_collection_is_mirrored_and_a_second_run_fetches_nothing(
    archive, tmp_path, products, monkeypatch, methods, checksums
):
    source = StacSource(tmp_path / "source", products, checksums=checksums)
    source.methods = methods
    monkeypatch.setenv("EOCENE_REMOTE_PRIVATE", source.server.host)
    told = []
    with source.server:
        report = archive.sync(source.server.url, S2, progress=lambda *step: told.append(step))
        assert (report.added, report.updated, report.unchanged, report.failed) == (4, 0, 0, [])
        assert report.files == 8
        assert told[-1] == (4, 4)
        items = check_pixels(archive, source)
        source.fetched()
        again = archive.sync(source.server.url, S2)
        assert (again.added, again.updated, again.unchanged, again.bytes) == (0, 0, 4, 0)
        assert source.fetched() == []
        assert check_pixels(archive, source) == items
    assert archive.catalogue.collection("s2")["license"] == "CC-BY-4.0"
    assert archive.verify().is_sound
    assert archive.verify().files == 8


def test_only_new_and_changed_items_are_fetched_and_older_versions_stay(archive, source):
    archive.sync(source.server.url, S2)
    before = archive.catalogue.item("s2", "scene-1")
    old_pixels = source.pixels["scene-1", "red"]
    source.fetched()
    source.put(1, seed=7)
    source.put(4)
    source.items["scene-2"]["properties"]["eo:cloud_cover"] = 3.0
    report = archive.sync(source.server.url, S2)
    assert (report.added, report.updated, report.unchanged) == (1, 2, 2)
    assert source.fetched() == [f"/data/scene-{n}/{band}.tif" for n in (1, 4) for band in ("nir", "red")]
    check_pixels(archive, source)
    assert archive.catalogue.item("s2", "scene-2")["properties"]["eo:cloud_cover"] == 3.0
    newest, older = archive.versions("s2", "scene-1")
    assert newest == archive.catalogue.item("s2", "scene-1")
    assert older["assets"] == before["assets"]
    assert older["properties"]["deprecated"] is True
    assert (newest["properties"]["version"], older["properties"]["version"]) == ("2", "1")
    assert [link["href"] for link in newest["links"] if link["rel"] == "predecessor-version"] == [
        "/stac/collections/s2.versions/items/scene-1.v1"
    ]
    raster = archive.open_raster(older["assets"]["red"])
    np.testing.assert_array_equal(raster.read(raster.levels[0]), old_pixels)
    assert archive.verify().files == 12


def test_a_file_replaced_under_an_unchanged_item_is_found_by_a_recheck(
    archive, tmp_path, products, monkeypatch
):
    source = StacSource(tmp_path / "source", products, scenes=2, checksums=False)
    monkeypatch.setenv("EOCENE_REMOTE_PRIVATE", source.server.host)
    with source.server:
        archive.sync(source.server.url, S2)
        fresh = products.random_pixels(96, 96, 99)
        products.make_cog(tmp_path / "source/data/scene-0/red.tif", fresh)
        source.pixels["scene-0", "red"] = fresh
        assert archive.sync(source.server.url, S2).unchanged == 2
        report = archive.sync(source.server.url, S2, SyncOptions(recheck=True))
        assert (report.updated, report.unchanged, report.files) == (1, 1, 1)
        check_pixels(archive, source)
        assert len(archive.versions("s2", "scene-0")) == 2


def test_time_area_and_assets_are_chosen(archive, source):
    wanted = Wanted(
        "s2", (10.0, 46.0, 11.0, 48.0), "2024-05-02/2024-05-03", "platform = 'x' OR updated = 'v0'"
    )
    report = archive.sync(source.server.url, wanted, SyncOptions(assets=("red",)))
    assert (report.added, report.files) == (2, 2)
    check_pixels(archive, source, ["scene-1", "scene-2"], ["red"])
    more = archive.sync(source.server.url, wanted, SyncOptions(assets=("nir",)))
    assert (more.updated, more.files) == (2, 2), "what was mirrored before stays beside it"
    check_pixels(archive, source, ["scene-1", "scene-2"])


def test_a_static_catalogue_is_mirrored_with_the_same_choices(archive, source, products):
    folder, child = source.folder / "static", {"rel": "child", "href": "./s2/collection.json"}
    documents = {
        "catalog.json": {"type": "Catalog", "id": "c", "links": [child]},
        "s2/collection.json": products.collection
        | {"links": [{"rel": "item", "href": f"./{name}.json"} for name in source.items]},
    }  # fmt: skip
    for name, item in source.items.items():
        assets = {k: a | {"href": f"../..{a['href']}"} for k, a in item["assets"].items()}
        documents[f"s2/{name}.json"] = item | {"assets": assets}
    for name, document in documents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(document))
    wanted = Wanted("s2", datetime="2024-05-02/2024-05-04", filter="updated = 'v0'")
    report = archive.sync(f"{source.server.url}/static/catalog.json", wanted)
    assert (report.added, report.failed) == (3, [])
    check_pixels(archive, source, ["scene-1", "scene-2", "scene-3"])


def test_items_are_read_in_place_where_nothing_is_copied(archive, source):
    report = archive.sync(source.server.url, S2, SyncOptions(copy=False))
    assert (report.added, report.files, report.failed) == (4, 0, [])
    items = check_pixels(archive, source)
    assert all(
        a["href"].startswith(f"{source.server.url}/data/") for i in items for a in i["assets"].values()
    )
    assert archive.catalogue.roots() == [f"{source.server.url}/"]
    assert archive.verify().remote == 8


def test_a_source_that_the_operator_did_not_open_is_refused(archive, source, monkeypatch):
    monkeypatch.delenv("EOCENE_REMOTE_PRIVATE")
    with pytest.raises(InputError, match="not a public address"):
        archive.sync(source.server.url, S2)
    assert source.server.requests == 0
    for text in ("file:///etc", "/etc", "s3://bucket/x", "nonsense"):
        with pytest.raises(InputError, match="no source"):
            archive.sync(text, S2)


def test_assets_elsewhere_are_refused_unless_the_operator_allows_their_prefix(
    archive, source, tmp_path, products
):
    source.items["scene-0"]["assets"]["red"]["href"] = "http://169.254.169.254/latest/meta-data.tif"
    source.items["scene-1"]["assets"]["red"]["href"] = "file:///etc/passwd"
    source.items["scene-2"]["assets"]["red"]["href"] = "/etc/passwd"
    report = archive.sync(source.server.url, S2)
    assert report.added == 1
    assert {fault["item"] for fault in report.failed} == {"scene-0", "scene-1", "scene-2"}
    check_pixels(archive, source, ["scene-3"])


def test_names_of_a_source_make_no_paths_outside_the_workspace(archive, source):
    item = source.items.pop("scene-0")
    item["assets"]["../../../red"] = item["assets"].pop("red")
    source.items["../../up"] = item | {"id": "../../up"}
    archive.sync(source.server.url, S2)
    mirrors = archive.layout.assets.resolve() / "mirrors"
    for found in archive.catalogue.search(Search(collections=("s2",))):
        assert all(Path(asset["href"]).is_relative_to(mirrors / "s2") for asset in found["assets"].values())
    assert archive.verify().files == 8


def test_what_the_source_does_not_have_is_said(archive, source):
    with pytest.raises(NotFoundError, match="s3"):
        archive.sync(source.server.url, Wanted("s3"))
    report = archive.sync(source.server.url, S2, SyncOptions(assets=("swir",)))
    assert len(report.failed) == 4
    assert "red, nir, preview" in report.failed[0]["error"]


def test_two_runs_at_once_do_not_meet(archive, source):
    said = []

    def meddle(*_):
        if not said:
            with pytest.raises(StateError, match="already") as error:
                archive.sync(source.server.url, S2)
            said.append(error)

    archive.sync(source.server.url, S2, progress=meddle)
    assert said


def test_strange_items_fail_alone(archive, source):
    source.items["scene-0"]["stac_extensions"] = 5
    source.items["scene-1"]["geometry"] = {"type": "Point", "coordinates": ["a"]}
    source.items["scene-2"]["assets"]["red"]["bands"] = "red"
    report = archive.sync(source.server.url, S2)
    assert report.added == 1
    assert len(report.failed) == 3


def test_an_item_of_the_year_10000_fails_alone_and_by_its_name(archive, source):
    source.items["scene-1"]["properties"]["datetime"] = "9999-12-31T23:59:59-10:00"
    report = archive.sync(source.server.url, S2)
    assert report.added == 3
    (fault,) = report.failed
    assert fault["item"] == "scene-1"
    assert "datetime" in fault["error"]
    check_pixels(archive, source, ["scene-0", "scene-2", "scene-3"])
    assert [found["id"] for found in archive.catalogue.collections()] == ["s2"]


def test_signatures_of_a_source_are_not_kept(archive, source):
    for item in source.items.values():
        for asset in item["assets"].values():
            asset["href"] += "?sig=SECRET&se=2030"
    assert archive.sync(source.server.url, S2).added == 4
    check_pixels(archive, source)
    assert "SECRET" not in json.dumps(archive.catalogue.search(Search()))
    for item in source.items.values():
        for asset in item["assets"].values():
            asset["href"] = asset["href"].replace("SECRET", "ANOTHER")
    assert archive.sync(source.server.url, S2).unchanged == 4
    with closing(Archive(Layout(archive.layout.root.with_name("other")))) as other:
        report = other.sync(source.server.url, S2, SyncOptions(copy=False))
        assert report.added == 0
        assert "signed" in report.failed[0]["error"]


def test_presets_with_tokens_are_not_read_in_place(archive):
    with pytest.raises(UnavailableError, match="tokens"):
        archive.sync("planetary-computer", S2, SyncOptions(copy=False))


@pytest.mark.long
def test_a_catalogue_in_postgres_holds_the_same_mirror(source, tmp_path, monkeypatch, request):
    monkeypatch.setenv("EOCENE_CATALOGUE", request.getfixturevalue("postgres")())
    (tmp_path / "workspace").mkdir()
    with closing(Archive(Layout(tmp_path / "workspace"))) as archive:
        assert archive.sync(source.server.url, S2).added == 4
        source.put(1, seed=7)
        assert archive.sync(source.server.url, S2).updated == 1
        assert archive.sync(source.server.url, S2).unchanged == 4
        check_pixels(archive, source)
        assert len(archive.versions("s2", "scene-1")) == 2
        assert archive.verify().files == 10
