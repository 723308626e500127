"""The catalogue keeps what it was given, refuses what is wrong, and never harms another file."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading

import pystac
import pytest

from eocene.archive import Search, SqliteCatalogue
from eocene.model import DamageError, InputError, NotFoundError


def test_an_item_comes_back_as_it_was_put(catalogue, products):
    item = products.make_item("a", properties={"platform": "sentinel-2a", "ö": [1, None, {"x": 0.1}]})
    assert catalogue.put_items([item]) == 1
    assert catalogue.item("s2", "a") == item
    pystac.Item.from_dict(catalogue.item("s2", "a"))


def test_putting_an_item_again_replaces_it_everywhere(catalogue, products):
    catalogue.put_items([products.make_item("a", bbox=(0, 0, 1, 1))])
    catalogue.put_items([products.make_item("a", bbox=(20, 20, 21, 21))])
    assert catalogue.count(Search()) == 1
    assert catalogue.search(Search(bbox=(0, 0, 2, 2))) == []
    assert len(catalogue.search(Search(bbox=(20, 20, 22, 22)))) == 1


def test_the_newest_items_can_be_put_again_together_with_new_ones(catalogue, products):
    catalogue.put_items([products.make_item(name) for name in "abc"])
    catalogue.put_items([products.make_item(name) for name in "dcb"])
    catalogue.put_items([products.make_item(name) for name in "edf"])
    assert {item["id"] for item in catalogue.search(Search())} == set("abcdef")


def test_deleted_items_are_not_found_any_more_and_the_extent_shrinks(catalogue, products):
    catalogue.put_items([products.make_item("a"), products.make_item("b", bbox=(50, 0, 51, 1))])
    assert catalogue.delete_items("s2", ["b", "unknown"]) == 1
    assert catalogue.search(Search(bbox=(40, -10, 60, 10))) == []
    assert catalogue.collection("s2")["extent"]["spatial"]["bbox"] == [[0.0, 0.0, 1.0, 1.0]]
    catalogue.delete_items("s2", ["a"])
    assert "extent" not in catalogue.collection("s2"), "without items the collection is as it was put"


def test_a_collection_takes_extent_and_summaries_from_its_items(catalogue, products):
    catalogue.put_items(
        [
            products.make_item("a", properties={"eo:cloud_cover": 80.0, "platform": "sentinel-2a"}),
            products.make_item(
                "b", bbox=(5, -3, 6, 0), properties={"eo:cloud_cover": 3, "platform": "sentinel-2b"}
            ),
            products.make_item("c", properties={"datetime": "2023-12-24T00:00:00+02:00"}),
        ]
    )
    found = catalogue.collection("s2")
    assert found["extent"]["spatial"]["bbox"] == [[0.0, -3.0, 6.0, 1.0]]
    assert found["extent"]["temporal"]["interval"] == [["2023-12-23T22:00:00Z", "2024-05-01T10:00:00Z"]]
    assert found["summaries"]["eo:cloud_cover"] == {"minimum": 3, "maximum": 80.0}
    assert found["summaries"]["platform"] == ["sentinel-2a", "sentinel-2b"]


def test_every_change_changes_the_stamp_and_reading_does_not(catalogue, products):
    changes = [
        lambda: catalogue.put_items([products.make_item("a")]),
        lambda: catalogue.put_items([products.make_item("a", bbox=(5, 5, 6, 6))]),
        lambda: catalogue.patch_item("s2", "a", {"properties": {"x": 1}}),
        lambda: catalogue.put_collection(products.collection | {"title": "new"}),
        lambda: catalogue.delete_items("s2", ["a"]),
        lambda: catalogue.delete_collection("s2"),
    ]
    seen = [catalogue.stamp()]
    for change in changes:
        change()
        seen.append(catalogue.stamp())
        catalogue.search(Search())
        assert catalogue.stamp() == seen[-1]
    assert len(set(seen)) == len(seen)


def test_replacing_a_collection_keeps_its_items(catalogue, products):
    catalogue.put_items([products.make_item("a")])
    catalogue.put_collection(products.collection | {"title": "new"})
    assert catalogue.collection("s2")["title"] == "new"
    assert catalogue.count(Search(collections=("s2",))) == 1


def test_an_unknown_collection_is_an_error_with_the_near_names(catalogue, products):
    catalogue.put_collection(products.collection | {"id": "sentinel-2-l2a"})
    with pytest.raises(NotFoundError, match="sentinel-2-l2a") as caught:
        catalogue.collection("sentinel2-l2a")
    assert caught.value.code == "CollectionNotFound"
    with pytest.raises(NotFoundError, match="no item 'x'"):
        catalogue.item("s2", "x")
    with pytest.raises(NotFoundError, match="'s3' does not exist"):
        catalogue.put_items([products.make_item("a", collection="s3")])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": None}, "id"),
        ({"id": 7}, "id"),
        ({"collection": ""}, "collection"),
        ({"properties": {"datetime": "yesterday"}}, "datetime"),
        ({"properties": {"datetime": None}}, "datetime"),
        ({"properties": {"datetime": None, "start_datetime": "2024-01-01T00:00:00Z"}}, "end_datetime"),
        (
            {
                "properties": {
                    "start_datetime": "2024-02-01T00:00:00Z",
                    "end_datetime": "2024-01-01T00:00:00Z",
                }
            },
            "end_datetime",
        ),
        ({"properties": {"datetime": "9999-12-31T23:59:59-10:00"}}, "datetime.*9999"),
        ({"properties": {"datetime": "0001-01-01T00:00:00+10:00"}}, "datetime.*9999"),
        (
            {
                "properties": {
                    "datetime": None,
                    "start_datetime": "2024-01-01T00:00:00Z",
                    "end_datetime": "9999-12-31T23:59:59-00:01",
                }
            },
            "end_datetime.*9999",
        ),
        ({"geometry": {"type": "Polygon", "coordinates": "no"}}, "geometry"),
        ({"geometry": {"type": "Blob"}}, "geometry"),
        ({"bbox": (0.0, 5.0, 1.0, 1.0)}, "bbox"),
        ({"bbox": (0.0, 0.0, 400.0, 1.0)}, "bbox"),
        ({"assets": None}, "assets"),
        ({"properties": {"x": float("nan")}}, "JSON"),
        ({"properties": {"eo:cloud_cover": 10**400}}, "eo:cloud_cover"),
    ],
)
def test_a_bad_item_is_named_with_its_field_and_nothing_of_its_batch_is_written(
    catalogue, changes, field, products
):
    with pytest.raises(InputError, match=field) as caught:
        catalogue.put_items(
            [products.make_item("good"), products.make_item("bad") | products.make_item("bad", **changes)]
        )
    assert "good" not in str(caught.value)
    assert catalogue.count(Search()) == 0


def test_the_first_and_the_last_instant_of_all_are_kept_and_told(catalogue, products):
    ends = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"
    catalogue.put_items([products.make_item(f"i{i}", properties={"datetime": t}) for i, t in enumerate(ends)])
    (collection,) = catalogue.collections()
    assert collection["extent"]["temporal"]["interval"] == [list(ends)]


def test_an_item_that_is_no_object_is_an_error(catalogue):
    with pytest.raises(InputError, match="not valid"):
        catalogue.put_items(["item"])


def test_an_item_without_geometry_is_found_by_time_but_never_by_place(catalogue, products):
    item = products.make_item("table", geometry=None)
    del item["bbox"]
    catalogue.put_items([item])
    assert len(catalogue.search(Search())) == 1
    assert catalogue.search(Search(bbox=(-180, -90, 180, 90))) == []


def test_a_file_that_is_something_else_is_refused_and_left_untouched(tmp_path):
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    text = tmp_path / "notes.txt"
    text.write_text("not a database " * 20)
    for path in (foreign, text):
        before = path.read_bytes(), sorted(tmp_path.iterdir())
        with pytest.raises(InputError, match="not an Eocene catalogue"):
            SqliteCatalogue(path)
        assert (path.read_bytes(), sorted(tmp_path.iterdir())) == before


def test_a_catalogue_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "c.sqlite"
    SqliteCatalogue(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(InputError, match="version 99"):
        SqliteCatalogue(path)


def test_a_damaged_catalogue_is_named(tmp_path, products):
    path = tmp_path / "c.sqlite"
    made = SqliteCatalogue(path)
    made.put_collection(products.collection)
    made.put_items(products.make_item(f"i{i}", properties={"fill": "x" * 2000}) for i in range(50))
    made.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(DamageError, match=r"c\.sqlite"):
        SqliteCatalogue(path).search(Search())


def test_many_threads_write_and_read_at_once(catalogue, products):
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(5):
                catalogue.put_items([products.make_item(f"{number}-{i}")])
                catalogue.search(Search(bbox=(0, 0, 1, 1), limit=3))
        except BaseException as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert catalogue.count(Search()) == 40


def test_a_writer_that_is_killed_leaves_all_or_nothing_of_its_batch(tmp_path, products):
    path = tmp_path / "c.sqlite"
    SqliteCatalogue(path).close()
    program = (
        "import json, os, sys; from pathlib import Path; from eocene.archive import SqliteCatalogue\n"
        "catalogue, (collection, item) = SqliteCatalogue(Path(sys.argv[1])), json.loads(sys.argv[2])\n"
        "catalogue.put_items([item], collections=[collection])\n"
        "with catalogue._writing() as connection:\n"
        "    connection.execute('DELETE FROM items'); os._exit(9)\n"
    )
    documents = json.dumps([products.collection, products.make_item("kept")])
    done = subprocess.run([sys.executable, "-c", program, str(path), documents], check=False)
    assert done.returncode == 9
    again = SqliteCatalogue(path)
    assert [item["id"] for item in again.search(Search())] == ["kept"]
    again.close()
