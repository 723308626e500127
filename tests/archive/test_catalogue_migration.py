"""A catalogue of an older version opens as one of today, with all that it kept, or stays as it is."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eocene.archive import Search, SqliteCatalogue
from eocene.model import InputError

_VERSION_1 = """
CREATE TABLE collections (
    id TEXT PRIMARY KEY, document TEXT NOT NULL, west REAL, south REAL, east REAL, north REAL,
    first INTEGER, last INTEGER, summaries TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;
CREATE TABLE items (
    key INTEGER PRIMARY KEY, collection TEXT NOT NULL REFERENCES collections (id), id TEXT NOT NULL,
    moment INTEGER, first INTEGER NOT NULL, last INTEGER NOT NULL, cloud_cover REAL, shape BLOB,
    document TEXT NOT NULL, UNIQUE (collection, id)
);
CREATE INDEX items_by_time ON items (collection, first DESC, id);
CREATE INDEX items_by_time_alone ON items (first DESC, id);
CREATE INDEX items_by_id ON items (id);
CREATE INDEX items_by_cloud_cover ON items (collection, cloud_cover);
CREATE VIRTUAL TABLE boxes USING rtree (
    box, minx, maxx, miny, maxy, mint, maxt, +item, +west, +east, +south, +north
);
CREATE TABLE roots (path TEXT PRIMARY KEY) WITHOUT ROWID;
"""


def _write_version_1(path: Path, collection: dict, items: list[dict]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_VERSION_1)
        connection.execute(f"PRAGMA application_id = {0x454F4341}")
        connection.execute("PRAGMA user_version = 1")
        connection.execute("INSERT INTO roots VALUES ('/data')")
        connection.execute(
            "INSERT INTO collections (id, document) VALUES (?, ?)", (collection["id"], json.dumps(collection))
        )
        for item in items:
            connection.execute(
                "INSERT INTO items (collection, id, first, last, document) VALUES (?, ?, 0, 0, ?)",
                (item["collection"], item["id"], json.dumps(item)),
            )


@pytest.fixture
def old(tmp_path, products):
    items = [
        products.make_item(f"i{i}", bbox=(i, 0, i + 1, 1), properties={"platform": "p"}) for i in range(9)
    ]
    _write_version_1(tmp_path / "c.sqlite", products.collection, items)
    return tmp_path / "c.sqlite", items


def test_items_collections_and_roots_are_there_and_are_found_as_before(old):
    path, items = old
    with closing(SqliteCatalogue(path)) as catalogue:
        assert [catalogue.item("s2", item["id"]) for item in items] == items
        assert [i["id"] for i in catalogue.search(Search(bbox=(2.5, 0.0, 3.5, 1.0)))] == ["i2", "i3"]
        assert catalogue.roots() == ["/data"]
        assert catalogue.collection("s2")["extent"]["spatial"]["bbox"] == [[0, 0, 9, 1]]
        assert catalogue.collection("s2")["summaries"]["platform"] == ["p"]
        assert catalogue.delete_items("s2", ["i0"]) == 1
    with closing(SqliteCatalogue(path)) as again:
        assert again.count(Search()) == 8


def test_a_migration_that_fails_leaves_the_old_catalogue_as_it_was(old):
    path, items = old
    with closing(sqlite3.connect(path)) as connection, connection:
        broken = json.dumps(items[4] | {"bbox": [1]})
        connection.execute("UPDATE items SET document = ? WHERE id = 'i4'", (broken,))
    with pytest.raises(InputError, match="i4"):
        SqliteCatalogue(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM items").fetchone() == (9,)
        assert connection.execute("SELECT count(*) FROM boxes").fetchone() == (0,)


def test_a_catalogue_whose_migration_another_process_made_meanwhile_is_left_alone(old):
    from eocene.archive.catalogue.migration import migrate
    from eocene.archive.catalogue.schema import connect

    path, _ = old
    SqliteCatalogue(path).close()
    before = path.read_bytes()
    with closing(connect(path)) as connection:
        migrate(connection)
    assert path.read_bytes() == before
