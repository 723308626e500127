"""What other software finds in pgstac's tables is what was put, and what it puts is found."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from eocene.archive import Archive, Search, SqliteCatalogue
from eocene.model import DamageError, InputError, Layout

pytest.importorskip("pypgstac", reason="the extra eocene[postgres] is not installed")
psycopg = pytest.importorskip("psycopg")


@pytest.fixture(scope="module")
def url(postgres):
    return postgres()


@pytest.fixture
def pgstac(url):
    from eocene.archive.catalogue.pgstac import PgstacCatalogue

    with closing(PgstacCatalogue(url)) as made:
        for collection in made.collections():
            made.delete_collection(collection["id"])
        yield made


@pytest.fixture
def others(url):
    """A connection as other software has it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path TO pgstac, public")
        yield connection


def _without_nulls(value):
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


ITEM_ASSETS = {
    "B01": {"title": "one", "roles": ["data"], "raster:bands": [{"nodata": 0, "scale": 0.1}]},
    "B02": {"title": "two", "type": "image/tiff"},
}
ASSETS = [
    {},
    {"B01": {"href": "a", **ITEM_ASSETS["B01"]}},
    {"B01": {"href": "a", "title": "other", "roles": None}, "B03": {"href": "c", "flag": True}},
    {"B01": {"href": "a", "raster:bands": [{"nodata": 1}]}, "B02": {"href": "b", **ITEM_ASSETS["B02"]}},
]


@pytest.mark.parametrize("assets", ASSETS, ids=["none", "as the base", "other", "parts"])
def test_the_functions_of_pgstac_return_what_was_put_but_for_nulls(pgstac, others, products, assets):
    item = products.make_item("a", assets=assets, properties={"x": None, "y": [1, {"z": None}], "e": {}})
    pgstac.put_items([item], collections=[products.collection | {"item_assets": ITEM_ASSETS}])
    (content, slim) = others.execute("SELECT content, content_slim(private) FROM items").fetchone()
    (found,) = others.execute("SELECT get_item('a', 's2')").fetchone()
    assert found == _without_nulls(item)
    assert _without_nulls(content) == _without_nulls(slim)
    assert pgstac.item("s2", "a") == item


def test_a_search_of_pgstac_finds_our_items(pgstac, others, products):
    items = [products.make_item(f"i{i}", bbox=(i, 0, i + 1, 1)) for i in range(5)]
    pgstac.put_items(items, collections=[products.collection])
    query = {"collections": ["s2"], "bbox": [1.5, 0, 2.5, 1], "datetime": "2024-05-01/2024-05-02"}
    (found,) = others.execute("SELECT search(%s::jsonb)", (json.dumps(query),)).fetchone()
    assert {feature["id"] for feature in found["features"]} == {"i1", "i2"}


def test_what_other_software_puts_is_found_read_changed_and_deleted(pgstac, others, products):
    item = products.make_item("theirs", properties={"eo:cloud_cover": 5.5, "majortom:cells": ["0U_1R"]})
    others.execute("SELECT upsert_collection(%s::jsonb)", (json.dumps(products.collection),))
    others.execute("SELECT upsert_items(%s::jsonb)", (json.dumps([item]),))
    assert pgstac.item("s2", "theirs") == item
    assert pgstac.search(Search(cells=("0U_1R",), filter="eo:cloud_cover < 6")) == [item]
    assert pgstac.collection("s2")["id"] == "s2"
    pgstac.patch_item("s2", "theirs", {"properties": {"eo:cloud_cover": 7}})
    assert pgstac.count(Search(filter="eo:cloud_cover = 7")) == 1
    assert pgstac.delete_items("s2", ["theirs"]) == 1


def test_collections_in_partitions_by_month_take_items_of_many_months(pgstac, others, products):
    pgstac.put_collection(products.collection)
    others.execute("UPDATE collections SET partition_trunc = 'month' WHERE id = 's2'")
    items = [
        products.make_item(f"i{m}", properties={"datetime": f"2024-{m:02d}-15T00:00:00Z"})
        for m in range(1, 7)
    ]
    pgstac.put_items(items)
    pgstac.put_items([items[2] | {"assets": {"B01": {"href": "x"}}}])
    assert [item["id"] for item in pgstac.search(Search(limit=2))] == ["i6", "i5"]
    assert pgstac.count(Search()) == 6


def test_a_nul_character_is_refused_and_named(pgstac, products):
    with pytest.raises(InputError, match="NUL"):
        pgstac.put_items(
            [products.make_item("a", properties={"x": "\x00"})], collections=[products.collection]
        )
    assert pgstac.collections() == []
    assert pgstac.search(Search(ids=("\x00",), filter={"op": "=", "args": [{"property": "x"}, "\x00"]})) == []


def test_an_archive_opens_the_catalogue_that_the_environment_names(url, tmp_path, monkeypatch, products):
    monkeypatch.setenv("EOCENE_CATALOGUE", url)
    with closing(Archive(Layout(tmp_path / "one"))) as archive:
        archive.catalogue.put_items(
            [products.make_item("shared")],
            collections=[products.collection],
            roots=["https://example.org/a/"],
        )
    with closing(Archive(Layout(tmp_path / "two"))) as other:
        assert other.catalogue.item("s2", "shared")["id"] == "shared"
        assert other.catalogue.roots() == ["https://example.org/a/"]
    assert not list(tmp_path.glob("*/catalogue.sqlite"))


def test_a_wrong_address_is_an_error_that_keeps_the_password_to_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("EOCENE_CATALOGUE", "mysql://host/name")
    with pytest.raises(InputError, match="PostgreSQL"):
        Archive(Layout(tmp_path))
    monkeypatch.setenv("EOCENE_CATALOGUE", f"postgresql://me:secret@/none?host={tmp_path}&connect_timeout=1")
    with pytest.raises(DamageError, match="PostgreSQL") as caught:
        Archive(Layout(tmp_path))
    assert "secret" not in str(caught.value)


def test_without_the_variable_the_catalogue_is_a_file(tmp_path, monkeypatch):
    monkeypatch.delenv("EOCENE_CATALOGUE", raising=False)
    with closing(Archive(Layout(tmp_path))) as archive:
        assert isinstance(archive.catalogue, SqliteCatalogue)
