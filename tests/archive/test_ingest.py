"""Products come in whole or not at all, and come back as the files say."""

from __future__ import annotations

import json
import sqlite3
import struct

import geopandas
import h5py
import numpy as np
import pandas as pd
import pystac
import pytest
import rasterio
import shapely
from rasterio.warp import transform_bounds

from eocene.archive import Search
from eocene.model import Band, EoceneError, InputError, NotFoundError, UnavailableError
from eocene.process import make_plan


def _everything(archive):
    """All that the catalogue and the folder of assets hold."""
    files = sorted(str(p) for p in archive.layout.assets.rglob("*")) if archive.layout.assets.exists() else []
    catalogue = archive.catalogue
    return catalogue.collections(), catalogue.search(Search()), catalogue.roots(), files


def test_a_static_catalogue_of_stac_1_0_comes_in_as_1_1(archive, products, tmp_path):
    folder = products.make_static_catalogue(tmp_path / "product")
    (item,) = archive.ingest(folder)
    assert item == archive.catalogue.item("s2", "scene")
    asset = item["assets"]["B04"]
    assert asset["href"] == str((folder / "cogs" / "B04.tif").resolve())
    assert {key: asset[key] for key in ("proj:code", "proj:shape", "data_type", "nodata")} == {
        "proj:code": "EPSG:32632",
        "proj:shape": [200, 300],
        "data_type": "uint16",
        "nodata": 0,
    }
    assert asset["proj:transform"] == [10.0, 0.0, 600_000.0, 0.0, -10.0, 5_200_000.0]
    assert (asset["raster:scale"], asset["raster:offset"]) == (0.0001, -0.1)
    assert asset["bands"] == [{"name": "B04", "eo:common_name": "red", "eo:center_wavelength": 0.665}]
    assert not {"eo:bands", "raster:bands", "proj:epsg"} & set(asset)
    assert item["properties"]["proj:code"] == "EPSG:32632"
    assert item["assets"]["thumbnail"]["href"] == "https://example.org/t.png", "it is no data, so it may stay"
    assert [link["rel"] for link in item["links"]] == ["license"]
    pystac.Item.from_dict(item)
    pystac.Collection.from_dict(archive.catalogue.collection("s2"))


def test_bands_and_dimensions_of_a_collection_come_from_its_items(archive, products, tmp_path):
    archive.ingest(products.make_static_catalogue(tmp_path / "product"))
    assert archive.bands("s2") == (Band("B04", "uint16", 0.0, 0.0001, -0.1, 10.0, "red", 0.665),)
    collection = archive.catalogue.collection("s2")
    assert collection["license"] == "CC-BY-4.0"
    assert collection["cube:dimensions"]["bands"] == {"type": "bands", "values": ["B04"]}
    west, _, east, _ = collection["extent"]["spatial"]["bbox"][0]
    assert collection["cube:dimensions"]["x"]["extent"] == [west, east]


def test_pixels_of_an_ingested_item_are_those_of_the_file(archive, products, tmp_path):
    (item,) = archive.ingest(products.make_static_catalogue(tmp_path / "product"))
    raster = archive.open_raster(item["assets"]["B04"])
    np.testing.assert_array_equal(raster.read(raster.levels[0]), products.random_pixels(200, 300))


def test_ingesting_again_changes_nothing(archive, products, tmp_path):
    folder = products.make_static_catalogue(tmp_path / "product")
    archive.ingest(folder)
    once = _everything(archive)
    archive.ingest(folder)
    assert _everything(archive) == once


@pytest.mark.parametrize("entry", ["s2/collection.json", "s2", "s2/scene.json"])
def test_a_collection_or_an_item_alone_can_be_ingested(archive, products, tmp_path, entry):
    folder = products.make_static_catalogue(tmp_path / "s2-product", href="B04.tif")
    products.make_cog(folder / "s2" / "B04.tif", products.random_pixels(200, 300))
    (item,) = archive.ingest(folder / entry)
    assert (item["collection"], item["id"]) == ("s2", "scene")


def test_an_asset_with_several_bands_becomes_one_asset_a_band(archive, products, tmp_path):
    folder = products.make_static_catalogue(tmp_path / "product")
    pixels = np.stack([products.random_pixels(50, 60, seed) for seed in (1, 2, 3)])
    products.make_cog(folder / "cogs" / "rgb.tif", pixels)
    item = json.loads((folder / "s2" / "scene.json").read_text())
    names = [{"name": "B04", "common_name": "red"}, {"name": "B03"}, {"name": "B02"}]
    item["assets"] = {
        "image": {"href": "../cogs/rgb.tif", "type": "image/tiff", "roles": ["data"], "eo:bands": names}
    }
    (folder / "s2" / "scene.json").write_text(json.dumps(item))
    (found,) = archive.ingest(folder)
    assert list(found["assets"]) == ["B04", "B03", "B02"]
    raster = archive.open_raster(found["assets"]["B02"])
    np.testing.assert_array_equal(raster.read(raster.levels[0]), pixels[2])


def test_a_feature_collection_of_items_can_be_ingested(archive, products, tmp_path):
    path = tmp_path / "items.json"
    features = [products.make_item(f"i{i}") for i in range(3)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert [item["id"] for item in archive.ingest(path)] == ["i0", "i1", "i2"]


def test_an_item_of_the_year_10000_is_named_and_nothing_is_added(archive, products, tmp_path):
    path = tmp_path / "items.json"
    late = products.make_item("late", properties={"datetime": "9999-12-31T23:59:59-10:00"})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [products.make_item("good"), late]}))
    with pytest.raises(InputError, match=r"'late'.*datetime"):
        archive.ingest(path)
    assert archive.catalogue.collections() == []


def test_a_catalogue_that_links_in_circles_ends(archive, products, tmp_path):
    folder = products.make_static_catalogue(tmp_path / "product")
    document = json.loads((folder / "s2" / "collection.json").read_text())
    document["links"] += [{"rel": "child", "href": "../catalog.json"}, {"rel": "item", "href": "scene.json"}]
    (folder / "s2" / "collection.json").write_text(json.dumps(document))
    assert len(archive.ingest(folder)) == 1


def test_plain_files_become_items_named_and_dated_by_their_names(archive, products, tmp_path):
    folder = tmp_path / "My scenes"
    for band in ("B04", "B08"):
        products.make_cog(folder / f"T32UPU_20240501T103021_{band}.tif", products.random_pixels(40, 50))
    products.make_cog(folder / "T32UPU_2024-05-11_B04.tif", products.random_pixels(40, 50))
    items = archive.ingest(folder)
    assert [(item["id"], item["properties"]["datetime"], list(item["assets"])) for item in items] == [
        ("T32UPU_2024-05-11", "2024-05-11T00:00:00Z", ["B04"]),
        ("T32UPU_20240501T103021", "2024-05-01T10:30:21Z", ["B04", "B08"]),
    ]
    assert {item["collection"] for item in items} == {"My-scenes"}
    assert [band.name for band in archive.bands("My-scenes")] == ["B04", "B08"]
    with rasterio.open(folder / "T32UPU_2024-05-11_B04.tif") as dataset:
        bounds = transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds, densify_pts=21)
    np.testing.assert_allclose(items[0]["bbox"], bounds, atol=1e-9)


def test_a_plain_file_may_be_dated_by_its_tag_or_by_the_user(archive, products, tmp_path):
    pixels = np.stack([products.random_pixels(30, 30)] * 2)
    path = products.make_cog(tmp_path / "plots" / "a.tif", pixels, nodata=None)
    with pytest.raises(InputError, match="--datetime") as caught:
        archive.ingest(path)
    assert "a.tif" in str(caught.value)
    (item,) = archive.ingest(path, datetime="2023-07-01/2023-08-01", collection="plots")
    assert item["collection"] == "plots"
    assert item["properties"]["start_datetime"] == "2023-07-01T00:00:00Z"
    assert item["properties"]["end_datetime"] == "2023-08-01T00:00:00Z"
    assert list(item["assets"]) == ["band1", "band2"]
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        dataset.update_tags(TIFFTAG_DATETIME="2022:06:05 04:03:02")
    assert archive.ingest(path)[0]["properties"]["datetime"] == "2022-06-05T04:03:02Z"
    with pytest.raises(InputError, match="not a time"):
        archive.ingest(path, datetime="yesterday")


def test_files_of_one_name_in_two_folders_do_not_replace_each_other(archive, products, tmp_path):
    for tile in ("a", "b"):
        products.make_cog(tmp_path / "p" / tile / "20240501_B04.tif", products.random_pixels(20, 20))
    assert [item["id"] for item in archive.ingest(tmp_path / "p")] == ["a_20240501", "b_20240501"]


def test_a_netcdf_file_becomes_an_item_a_step(archive, products, tmp_path):
    stored = np.arange(3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5)
    variables = {"t2m": stored, "land": np.ones((4, 5), np.uint8)}
    path = products.make_netcdf(tmp_path / "weather.nc", variables, scale_factor="0.5", units="K")
    items = archive.ingest(path)
    assert [item["properties"]["datetime"][:10] for item in items] == [
        "2018-08-01",
        "2018-08-02",
        "2018-08-03",
    ]
    asset = items[2]["assets"]["t2m"]
    assert (asset["eocene:index"], asset["raster:scale"], asset["unit"]) == (2, 0.5, "K")
    assert "eocene:index" not in items[2]["assets"]["land"]
    raster = archive.open_raster(asset)
    np.testing.assert_array_equal(raster.read(raster.levels[0]), stored[2])


@pytest.mark.parametrize("unit", ["days", "hours"])
def test_the_steps_of_a_file_stay_apart_also_within_a_day(archive, products, tmp_path, unit):
    stored = np.arange(3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5)
    path = products.make_netcdf(tmp_path / "weather.nc", {"t2m": stored})
    with h5py.File(path, "r+") as file:
        file["timestamp"].attrs["units"] = f"{unit} since 2018-08-01 00:00:00"
    archive.ingest(path)
    everything = {"id": "weather", "spatial_extent": None, "temporal_extent": None}
    load = {"process_id": "load_collection", "arguments": everything, "result": True}
    cube = make_plan({"load": load}, archive).run()
    assert cube.sizes["t"] == 3
    np.testing.assert_array_equal(cube.squeeze("bands"), stored)


def _parcels():
    shapes = [shapely.box(600_000 + 100 * i, 5_200_000, 600_050 + 100 * i, 5_200_050) for i in range(4)]
    return geopandas.GeoDataFrame({"crop": list("abca"), "area": [1.5, 2, 3, 4]}, geometry=shapes, crs=32632)


def _write_geopackage(frame, path):
    """Write a GeoPackage by hand, with the envelopes that most writers add."""
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE gpkg_contents (table_name TEXT, data_type TEXT);"
        "CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, srs_id INTEGER);"
        "CREATE TABLE gpkg_spatial_ref_sys (srs_id INT, organization TEXT, organization_coordsys_id INT);"
        "INSERT INTO gpkg_spatial_ref_sys VALUES (32632, 'EPSG', 32632);"
        "INSERT INTO gpkg_contents VALUES ('pl\"ots', 'features');"
        "INSERT INTO gpkg_geometry_columns VALUES ('pl\"ots', 'geom', 32632);"
        'CREATE TABLE "pl""ots" (crop TEXT, area REAL, geom BLOB);'
    )
    for crop, area, geometry in zip(frame.crop, frame.area, frame.geometry, strict=True):
        west, south, east, north = geometry.bounds
        header = b"GP\x00\x03" + struct.pack("<i4d", 32632, west, east, south, north)
        connection.execute('INSERT INTO "pl""ots" VALUES (?, ?, ?)', (crop, area, header + geometry.wkb))
    connection.commit()
    connection.close()


@pytest.mark.parametrize("suffix", ["parquet", "gpkg", "geojson"])
def test_a_table_comes_back_with_its_rows_geometries_and_crs(archive, tmp_path, suffix):
    parcels, path = _parcels(), tmp_path / f"parcels.{suffix}"
    if suffix == "parquet":
        parcels.to_parquet(path)
    elif suffix == "gpkg":
        _write_geopackage(parcels, path)
    else:
        path.write_text(parcels.to_crs(4326).to_json())
    (item,) = archive.ingest(path, datetime="2024")
    assert item["assets"]["data"]["type"] == "application/vnd.apache.parquet"
    assert item["assets"]["data"]["table:row_count"] == 4
    found = archive.table("parcels")
    assert list(found.crop) == list("abca")
    assert found.crs.to_epsg() == (4326 if suffix == "geojson" else 32632)
    assert found.to_crs(32632).geometry.geom_equals_exact(parcels.geometry, 1e-3).all()
    assert archive.bands("parcels") == ()
    np.testing.assert_allclose(item["bbox"], parcels.to_crs(4326).total_bounds, atol=1e-6)
    pystac.Item.from_dict(item)


def test_a_table_without_geometry_takes_its_time_from_its_rows(archive, tmp_path):
    frame = pd.DataFrame({"datetime": pd.date_range("2024-03-01", periods=5, tz="UTC"), "t2m": range(5)})
    frame.to_parquet(tmp_path / "weather.parquet")
    (item,) = archive.ingest(tmp_path / "weather.parquet")
    assert item["properties"]["start_datetime"] == "2024-03-01T00:00:00Z"
    assert item["properties"]["end_datetime"] == "2024-03-05T00:00:00Z"
    pd.testing.assert_frame_equal(archive.table("weather"), frame)


def test_what_is_no_table_is_said_to_be_none(archive, products, tmp_path):
    archive.ingest(products.make_static_catalogue(tmp_path / "product"))
    with pytest.raises(InputError, match="'s2' is not a table"):
        archive.table("s2")
    with pytest.raises(NotFoundError):
        archive.table("parcels")


def test_progress_counts_every_asset(archive, products, tmp_path):
    calls = []
    folder = products.make_static_catalogue(tmp_path / "p")
    archive.ingest(folder, progress=lambda *call: calls.append(call))
    assert calls == [(1, 2), (2, 2)]


def test_unknown_formats_and_paths_say_what_is_supported(archive, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "notes.txt", tmp_path / "empty"):
        with pytest.raises(InputError, match="GeoTIFF") as caught:
            archive.ingest(path)
        assert path.name in str(caught.value)
        assert "NetCDF" in str(caught.value)
    with pytest.raises(InputError, match="does not exist"):
        archive.ingest(tmp_path / "nothing")
    with pytest.raises(UnavailableError, match="Download"):
        archive.ingest("https://example.org/catalog.json")


def _cut(path, share):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


def _zero_tail(path, share):
    data = path.read_bytes()
    kept = int(len(data) * share)
    path.write_bytes(data[:kept] + bytes(len(data) - kept))


HARMS = [
    (kind, harm, share)
    for kind in ("stac", "tif", "nc", "parquet", "gpkg", "geojson", "item")
    for harm in (_cut, _zero_tail)
    for share in (0.0, 0.02, 0.5, 0.9, 0.999)
    # NetCDF and GeoPackage keep plain numbers without checksums, and zeros are numbers.
    if harm is _cut or share == 0.0 or kind not in ("nc", "gpkg")
]


@pytest.mark.parametrize(("kind", "harm", "share"), HARMS)
def test_a_half_written_file_is_named_and_nothing_is_added(archive, products, tmp_path, kind, share, harm):
    victim = _make_victim(products, tmp_path / "p", kind)
    good = products.make_cog(tmp_path / "good_20240101.tif", products.random_pixels(20, 20))
    archive.ingest(good, collection="s2")
    before = _everything(archive)
    harm(victim, share)
    path = tmp_path / "p" if kind in ("stac", "item") else victim
    with pytest.raises(EoceneError) as caught:
        archive.ingest(path, datetime="2024-05-01")
    assert victim.name in str(caught.value)
    assert caught.value.remedy
    assert _everything(archive) == before


def _make_victim(products, folder, kind):
    folder.mkdir()
    if kind in ("stac", "item"):
        products.make_static_catalogue(folder)
        return folder / ("cogs/B04.tif" if kind == "stac" else "s2/scene.json")
    path = folder / f"victim.{kind}"
    if kind == "tif":
        products.make_cog(path, products.random_pixels(300, 300))
    elif kind == "nc":
        products.make_netcdf(path, {"v": np.random.default_rng(1).random((3, 40, 40))})
    elif kind == "parquet":
        _parcels().to_parquet(path)
    elif kind == "gpkg":
        _write_geopackage(_parcels(), path)
    else:
        path.write_text(_parcels().to_crs(4326).to_json())
    return path


def test_a_missing_asset_is_named_and_nothing_is_added(archive, products, tmp_path):
    folder = products.make_static_catalogue(tmp_path / "p")
    (folder / "cogs" / "B04.tif").unlink()
    with pytest.raises(EoceneError, match=r"B04\.tif"):
        archive.ingest(folder)
    assert _everything(archive) == ([], [], [], [])


def test_two_items_of_one_name_are_refused(archive, products, tmp_path):
    path = tmp_path / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [products.make_item("twin")] * 2}))
    with pytest.raises(InputError, match="2 items 'twin'"):
        archive.ingest(path)
    assert _everything(archive) == ([], [], [], [])


def test_a_second_product_adds_its_bands_to_the_collection(archive, products, tmp_path):
    archive.ingest(products.make_static_catalogue(tmp_path / "p"))
    path = products.make_cog(tmp_path / "q" / "20240601_B08.tif", products.random_pixels(20, 20))
    archive.ingest(path.parent, collection="s2")
    assert [band.name for band in archive.bands("s2")] == ["B04", "B08"]
    assert archive.catalogue.count(Search(collections=("s2",))) == 2


@pytest.mark.parametrize("kind", ["complex64", "complex_int16"])
def test_complex_numbers_are_refused_since_half_of_them_would_be_lost(archive, tmp_path, kind):
    path = tmp_path / "slc_20240501.tif"
    grid = {"crs": "EPSG:32632", "transform": rasterio.Affine(10, 0, 600_000, 0, -10, 5_200_000)}
    with rasterio.open(path, "w", driver="GTiff", width=8, height=8, count=1, dtype=kind, **grid) as dataset:
        dataset.write(np.full((1, 8, 8), 1 - 2j, "complex64"))
    before = _everything(archive)
    with pytest.raises(InputError, match=r"slc_20240501\.tif.*complex"):
        archive.ingest(path)
    described = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": "slc",
        "collection": "slc",
        "bbox": [10.3, 46.9, 10.4, 47.0],
        "geometry": {"type": "Point", "coordinates": [10.3, 46.9]},
        "properties": {"datetime": "2024-05-01T00:00:00Z"},
        "links": [],
        "assets": {"vv": {"href": path.name, "type": "image/tiff; application=geotiff", "roles": ["data"]}},
    }
    (tmp_path / "item.json").write_text(json.dumps(described))
    with pytest.raises(InputError, match="complex"):
        archive.ingest(tmp_path / "item.json")
    assert _everything(archive) == before


@pytest.mark.parametrize("name", ["a/b", "", "a\x00b", "x" * 201, 5])
def test_a_collection_has_a_name_that_can_stand_in_an_address(archive, tmp_path, name):
    with pytest.raises(InputError, match="name"):
        archive.ingest(tmp_path, collection=name)


def test_a_crs_without_a_map_is_refused(archive, tmp_path):
    path = tmp_path / "geocentric_20240501.tif"
    grid = {"crs": "EPSG:4978", "transform": rasterio.Affine(10, 0, 4_000_000, 0, -10, 900_000)}
    with rasterio.open(path, "w", driver="GTiff", width=8, height=8, count=1, dtype="uint8", **grid):
        pass
    with pytest.raises(InputError, match="EPSG:4978"):
        archive.ingest(path)
