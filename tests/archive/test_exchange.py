"""What goes out as STAC-GeoParquet comes back equal, whatever is in it, and other software reads the file."""

from __future__ import annotations

import json
from contextlib import closing, suppress

import pytest

from eocene.archive import Search, SqliteCatalogue
from eocene.archive.catalogue.exchange import export_geoparquet, import_geoparquet
from eocene.model import DamageError, InputError, NotFoundError

stac_geoparquet = pytest.importorskip("stac_geoparquet.arrow", reason="the extra eocene[exchange] is missing")


@pytest.fixture
def empty(tmp_path):
    with closing(SqliteCatalogue(tmp_path / "other.sqlite")) as made:
        yield made


def _assets(count):
    return {
        f"B{n:02d}": {"href": f"/{n}.tif", "raster:scale": 0.1 * n, "roles": ["data"]} for n in range(count)
    }


def _odd_items(products):
    """Items that differ in every way in which columns do not."""
    interval = {
        "datetime": None,
        "start_datetime": "2024-01-01T00:00:00Z",
        "end_datetime": "2024-01-02T00:00:00.123456Z",
    }
    times = {"datetime": "2024-05-01T10:00:00.10+02:00", "created": "2024-05-01T00:00:00.000Z"}
    nested = {"a": {"b": [{"c": 1}, {"d": "ö"}]}, "majortom:cells": ["0U_1R"]}
    point = {"type": "Point", "coordinates": [0.1 + 0.2, 1 / 3]}
    nulls = {"gsd": None, "list": [1, None], "empty": {}, "none": []}
    return [
        products.make_item("plain", assets=_assets(2), properties={"eo:cloud_cover": 3.5, "gsd": 10}),
        products.make_item("bare"),
        products.make_item("links", links=[{"rel": "self", "href": "x"}], assets=_assets(3)),
        products.make_item("interval", properties=interval, assets=_assets(1)),
        products.make_item("null", properties=nulls),
        products.make_item("time", properties=times),
        products.make_item("nested", properties=nested),
        products.make_item("point", geometry=point),
        products.make_item("nowhere", geometry=None),
        products.make_item("several", geometry={"type": "GeometryCollection", "geometries": [point, point]}),
        products.make_item("big", properties={"count": 2**53, "ratio": 1e-300}),
        products.make_item("extra", stac_extensions=["https://example.org/x.json"], other={"top": [1.5]}),
    ]


@pytest.fixture
def odd_items(products):
    items = _odd_items(products)
    for item in items:
        if item["id"] in ("point", "nowhere"):
            del item["bbox"]
        if item["id"] == "big":
            item["bbox"] = [0.0, 0.0, -5.0, 1.0, 1.0, 5.0]
    return items


def test_items_of_every_kind_come_back_equal(catalogue, empty, odd_items, tmp_path):
    catalogue.put_items(odd_items)
    assert export_geoparquet(catalogue, tmp_path / "items.parquet") == len(odd_items)
    assert import_geoparquet(empty, tmp_path / "items.parquet") == len(odd_items)
    assert [empty.item("s2", item["id"]) for item in odd_items] == odd_items
    assert empty.search(Search()) == catalogue.search(Search())
    assert sorted(path.name for path in tmp_path.glob("*.parquet")) == ["items.parquet"]


def test_batches_and_what_is_searched_for_make_no_difference(
    catalogue, empty, products, tmp_path, monkeypatch
):
    monkeypatch.setattr("eocene.archive.catalogue.exchange._BATCH", 7)
    items = [
        products.make_item(f"i{i:02d}", assets=_assets(i % 3), properties={"odd": "x"} if i % 2 else {"n": i})
        for i in range(40)
    ]
    catalogue.put_items(items)
    assert export_geoparquet(catalogue, tmp_path / "items.parquet", Search(filter="odd = 'x'")) == 20
    assert import_geoparquet(empty, tmp_path / "items.parquet") == 20
    assert empty.search(Search(sortby=("id",))) == items[1::2]


def test_the_package_of_the_format_reads_the_columns(catalogue, products, tmp_path):
    import pyarrow.parquet as pq

    catalogue.put_items([products.make_item(f"i{i}", assets=_assets(2)) for i in range(3)])
    export_geoparquet(catalogue, tmp_path / "items.parquet")
    table = pq.read_table(tmp_path / "items.parquet")
    found = list(stac_geoparquet.stac_table_to_items(table))
    assert {item["id"] for item in found} == {"i0", "i1", "i2"}
    assert found[0]["assets"]["B01"]["href"] == "/1.tif"
    assert table["eocene:exact"].null_count == 3, "plain items need no JSON beside them"
    geo = json.loads(table.schema.metadata[b"geo"])
    assert geo["primary_column"] == "geometry"


def test_a_file_of_the_package_of_the_format_is_read(empty, products, tmp_path):
    items = [
        products.make_item(f"i{i}", assets=_assets(1), links=[{"rel": "x", "href": "y"}]) for i in range(3)
    ]
    stac_geoparquet.parse_stac_items_to_parquet(items, output_path=tmp_path / "items.parquet")
    with pytest.raises(NotFoundError, match="s2"):
        import_geoparquet(empty, tmp_path / "items.parquet")
    empty.put_collection(products.collection | {"title": "mine"})
    assert import_geoparquet(empty, tmp_path / "items.parquet") == 3
    assert [empty.item("s2", item["id"]) for item in items] == items
    assert empty.collection("s2")["title"] == "mine"


def test_types_that_fit_into_no_column_are_named(catalogue, products, tmp_path):
    catalogue.put_items(
        [products.make_item("a", properties={"x": "text"}), products.make_item("b", properties={"x": 1})]
    )
    with pytest.raises(InputError, match="column"):
        export_geoparquet(catalogue, tmp_path / "items.parquet")
    assert not list(tmp_path.glob("*.parquet"))


def test_a_collection_that_there_is_not_is_no_empty_export(catalogue, tmp_path):
    with pytest.raises(NotFoundError, match="nope"):
        export_geoparquet(catalogue, tmp_path / "items.parquet", Search(("nope",)))


def test_no_items_make_no_file(catalogue, tmp_path):
    assert export_geoparquet(catalogue, tmp_path / "items.parquet") == 0
    assert not (tmp_path / "items.parquet").exists()


def test_what_is_no_such_file_is_an_error_and_nothing_is_put(catalogue, empty, odd_items, products, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "items.parquet"
    catalogue.put_items(odd_items)
    export_geoparquet(catalogue, path)
    data = path.read_bytes()
    for cut in (0, 10, len(data) // 2, len(data) - 5):
        path.write_bytes(data[:cut])
        with pytest.raises(DamageError, match=r"items\.parquet"):
            import_geoparquet(empty, path)
    with pytest.raises(DamageError, match="missing"):
        import_geoparquet(empty, tmp_path / "missing.parquet")
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(InputError, match="not STAC-GeoParquet"):
        import_geoparquet(empty, path)
    assert empty.collections() == []


def test_the_command_line_writes_and_reads_such_files(odd_items, products, tmp_path, capsys, monkeypatch):
    import sys

    import eocene
    from eocene.cli import main

    with eocene.open(tmp_path / "one") as one:
        one.archive.catalogue.put_items(odd_items, collections=[products.collection])
    path = str(tmp_path / "items.parquet")
    for name, arguments in (("one", ["export", path, "s2"]), ("two", ["import", path])):
        monkeypatch.setattr(sys, "argv", ["eocene", *arguments, "--workspace", str(tmp_path / name)])
        with suppress(SystemExit):
            main()
    assert '"imported": 12' in capsys.readouterr().out
    with eocene.open(tmp_path / "two") as two:
        assert two.archive.catalogue.item("s2", "null") == odd_items[4]
