"""The real minicube comes in with every date, band, number and class, read where it lies."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pystac
import pytest
import rasterio

from eocene.archive import Archive, Search
from eocene.model import DamageError, Layout

PATCH = "0000280849BAC91C"
NAME = f"{PATCH}_32631_2018-08-01_2019-11-30.nc"


@pytest.fixture(scope="module")
def folder(real_data):
    """The folder of the minicubes."""
    found = real_data / "worldcereal-minicubes" / "worldcerealtraining"
    if not (found / PATCH).is_dir():
        pytest.skip("the minicube is not among the real products")
    return found


@pytest.fixture(scope="module")
def archive(folder, tmp_path_factory):
    """An archive with the patch."""
    made = Archive(Layout(tmp_path_factory.mktemp("worldcereal")))
    made.ingest(folder / PATCH)
    yield made
    made.close()


def _items(archive, collection):
    return archive.catalogue.search(Search(collections=(collection,), sortby=("datetime",)))


def test_there_is_one_item_a_date(archive, folder):
    counts = {
        c["id"]: archive.catalogue.count(Search(collections=(c["id"],)))
        for c in archive.catalogue.collections()
    }
    assert counts == {
        "sentinel-2-l2a": 72,
        "sentinel-1-grd": 80,
        "landsat-l2-st": 61,
        "agera5": 487,
        "cop-dem": 1,
        "reference": 1,
    }
    with h5py.File(folder / PATCH / f"S2_L2A_10m_{NAME}") as file:
        expected = np.datetime64("2018-08-04T10:50:22") + file["timestamp"][:].astype("timedelta64[s]")
    found = [item["properties"]["datetime"].rstrip("Z") for item in _items(archive, "sentinel-2-l2a")]
    np.testing.assert_array_equal(np.array(found, "datetime64[s]"), expected)


@pytest.mark.parametrize("parent", ["worldcereal-minicubes", "worldcereal-minicubes/worldcerealtraining"])
def test_the_folders_above_the_patch_give_the_same(real_data, tmp_path, archive, parent):
    other = Archive(Layout(tmp_path))
    other.ingest(real_data / parent)
    assert other.catalogue.search(Search()) == archive.catalogue.search(Search())
    assert other.catalogue.collections() == archive.catalogue.collections()
    other.close()


@pytest.mark.parametrize(
    ("collection", "file", "bands"),
    [
        ("sentinel-2-l2a", "S2_L2A_10m", ["B02", "B03", "B04", "B08"]),
        ("sentinel-2-l2a", "S2_L2A_20m", ["B05", "B06", "B07", "B11", "B12", "B8A", "SCL"]),
        ("sentinel-1-grd", "S1_GRD-ASCENDING_20m", ["VV", "VH"]),
        ("landsat-l2-st", "L8_L2-ST_10m", ["ST-B10", "QA-PIXEL"]),
        ("agera5", "AgERA5_DAILY_1000m", ["temperature_mean", "precipitation_flux"]),
    ],
)
def test_every_number_is_the_stored_one(archive, folder, collection, file, bands):
    items = _items(archive, collection)
    with h5py.File(folder / PATCH / f"{file}_{NAME}") as stream:
        for band in bands:
            for index in (0, 7, len(items) - 1):
                raster = archive.open_raster(items[index]["assets"][band])
                (grid,) = raster.levels
                np.testing.assert_array_equal(raster.read(grid), stream[band][index])
                np.testing.assert_array_equal(grid.x, stream["x"][:])
                np.testing.assert_array_equal(grid.y, stream["y"][:])
                assert grid.epsg == 32631


def test_bands_say_how_numbers_become_values(archive):
    bands = {band.name: band for band in archive.bands("sentinel-2-l2a")}
    assert (bands["B04"].dtype, bands["B04"].nodata, bands["B04"].scale) == ("uint16", 0.0, 0.0001)
    assert (bands["B04"].offset, bands["B04"].resolution_m, bands["B04"].common_name) == (0.0, 10.0, "red")
    assert (bands["SCL"].dtype, bands["SCL"].scale, bands["SCL"].resolution_m) == ("uint8", 1.0, 20.0)
    agera5 = {band.name: band for band in archive.bands("agera5")}
    assert (agera5["wind_speed"].nodata, agera5["wind_speed"].resolution_m) == (-9999.0, 1000.0)


def test_radar_backscatter_is_in_decibels_as_its_band_says(archive):
    asset = _items(archive, "sentinel-1-grd")[0]["assets"]["VV"]
    raster = archive.open_raster(asset)
    values = raster.read(raster.levels[0]) * asset["raster:scale"]
    assert -30 < values.mean() < 0
    assert values.min() < 0, "neither power nor amplitude is negative"
    assert asset["unit"] == "dB"
    assert "decibel" in asset["bands"][0]["description"]


def test_cloud_cover_is_that_of_the_scene_classification(archive, folder):
    with h5py.File(folder / PATCH / f"S2_L2A_20m_{NAME}") as stream:
        scl = stream["SCL"][...]
    expected = [round(100 * sum((scene == c).sum() for c in (8, 9, 10)) / scene.size, 2) for scene in scl]
    found = [item["properties"]["eo:cloud_cover"] for item in _items(archive, "sentinel-2-l2a")]
    np.testing.assert_allclose(found, expected, atol=0.011)
    clear = archive.catalogue.search(Search(collections=("sentinel-2-l2a",), filter="eo:cloud_cover < 10"))
    assert len(clear) == sum(cover < 10 for cover in found)


def test_labels_have_all_their_classes_named(archive, folder):
    (item,) = _items(archive, "reference")
    with h5py.File(folder / PATCH / f"OUTPUT_POLY-110_10m_{NAME}") as stream:
        for band in ("LC", "CT", "IRR"):
            raster = archive.open_raster(item["assets"][band])
            stored = stream[band][...]
            np.testing.assert_array_equal(raster.read(raster.levels[0]), stored)
            classes = item["assets"][band]["classification:classes"]
            assert {entry["value"] for entry in classes} == set(np.unique(stored).tolist()) | {0}
    names = {entry["value"]: entry["name"] for entry in item["assets"]["LC"]["classification:classes"]}
    assert (names[11], names[13]) == ("annual cropland", "grassland")


def test_the_elevation_is_the_tile_of_the_patch(archive, folder):
    (item,) = _items(archive, "cop-dem")
    raster = archive.open_raster(item["assets"]["DEM"])
    with rasterio.open(folder / "dem" / "dem_31UES.tif") as dataset:
        np.testing.assert_array_equal(raster.read(raster.levels[0]), dataset.read(1))
    patch = archive.open_raster(_items(archive, "reference")[0]["assets"]["LC"]).levels[0].bounds
    west, south, east, north = raster.levels[0].bounds
    assert west <= patch[0]
    assert south <= patch[1]
    assert east >= patch[2]
    assert north >= patch[3]


def test_items_and_collections_are_stac(archive):
    for collection in archive.catalogue.collections():
        item = _items(archive, collection["id"])[0]
        read = pystac.Collection.from_dict(collection), pystac.Item.from_dict(item)
        for document, understood in zip((collection, item), read, strict=True):
            assert understood.id == document["id"]
            assert understood.assets.keys() == document.get("assets", {}).keys()
        start, end = read[0].extent.temporal.intervals[0]
        assert start <= read[1].datetime <= end


@pytest.mark.parametrize("sensor", ["S2_L2A_20m", "S1_GRD-ASCENDING_20m", "OUTPUT_POLY-110_10m"])
def test_a_cut_file_is_named_and_nothing_of_the_patch_is_added(folder, tmp_path, sensor):
    shutil.copytree(folder / PATCH, tmp_path / PATCH)
    victim = tmp_path / PATCH / f"{sensor}_{NAME}"
    victim.chmod(0o644)
    data = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(data[: len(data) * 3 // 4])
    other = Archive(Layout(tmp_path / "workspace"))
    with pytest.raises(DamageError, match=victim.name):
        other.ingest(tmp_path / PATCH)
    assert other.catalogue.collections() == []
    other.close()
