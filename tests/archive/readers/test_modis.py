"""MODIS and VIIRS: sinusoidal images in degrees, as GDAL warps them; names tell product, tile and days."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.warp import Resampling, reproject

import eocene
from eocene.archive.product import IngestOptions
from eocene.archive.rasters import decoding, hdf4
from eocene.archive.readers import modis
from eocene.model import UnavailableError
from eocene.testing.products.modis import NORTH, PIXEL_M, WEST, write_modis_tiff, write_viirs
from eocene.testing.readers import ReaderContract

LAYER = "500m_16_days_NDVI"


def _stored(seed=1):
    return np.random.default_rng(seed).integers(-2000, 10_000, (80, 100), np.int16)


def _warp(stored, transform, grid, nodata):
    """Return what GDAL makes of a sinusoidal image on a grid in degrees, each pixel transformed by itself."""
    out = np.full(grid.shape, nodata, stored.dtype)
    reproject(
        stored, out, src_transform=transform, src_crs="+proj=sinu +R=6371007.181 +units=m",
        dst_transform=rasterio.Affine(*grid.transform), dst_crs="+proj=longlat +R=6371007.181",
        resampling=Resampling.nearest, tolerance=0, init_dest_nodata=False, dst_nodata=nodata,
    )  # fmt: skip
    return out


class TestModisTiff(ReaderContract):
    reader = modis.READER

    def make_product(self, folder):
        return write_modis_tiff(folder, LAYER, _stored())


class TestViirs(ReaderContract):
    reader = modis.READER

    def make_product(self, folder):
        return write_viirs(folder, {"500 m 16 days NDVI": _stored()})


@pytest.mark.parametrize("form", ["GeoTIFF", "HDF-EOS5"])
def test_pixels_are_those_that_gdal_puts_there(tmp_path, archive, form):
    stored = _stored()
    write = (
        write_modis_tiff
        if form == "GeoTIFF"
        else lambda folder, _, pixels: write_viirs(folder, {"NDVI": pixels})
    )
    (item,) = archive.ingest(write(tmp_path, LAYER, stored))
    raster = archive.open_raster(item["assets"]["NDVI"])
    grid = raster.levels[0]
    assert grid.lattice.resolution[0] == pytest.approx(1 / 240)
    expected = _warp(stored, rasterio.Affine(PIXEL_M, 0, WEST, 0, -PIXEL_M, NORTH), grid, raster.nodata)
    found = raster.read(grid)
    assert (found == expected).mean() > 0.9999
    assert (found != raster.nodata).mean() > 0.9


def test_real_images_are_where_gdal_puts_them(real_data, archive):
    folder = real_data / "sits-timeseries" / "inst" / "extdata" / "raster" / "mod13q1"
    if not folder.is_dir():
        pytest.skip("the MODIS images of sits are not there")
    items = archive.ingest(folder)
    assert len(items) == len(list(folder.glob("*.jp2")))
    first = min(items, key=lambda item: item["properties"]["datetime"])
    assert first["properties"]["datetime"] == "2013-09-14T00:00:00Z"
    asset = first["assets"]["NDVI"]
    raster = archive.open_raster(asset)
    with rasterio.open(asset["href"]) as dataset:
        expected = _warp(dataset.read(1), dataset.transform, raster.levels[0], -3000)
    assert (raster.read(raster.levels[0]) == expected).mean() > 0.9999


def test_values_are_scaled_and_composites_have_their_days(tmp_path):
    stored = _stored()
    stored[:10] = -3000
    write_modis_tiff(tmp_path / "tile", LAYER, stored)
    write_modis_tiff(tmp_path / "tile", "500m_16_days_red_reflectance", np.abs(_stored(2)))
    with eocene.open(tmp_path / "workspace") as workspace:
        (item,) = workspace.ingest(tmp_path / "tile")
        cube = workspace.load("modis-13a1-061", bands=["NDVI", "red"]).squeeze().compute()
    assert item.id == "MOD13A1_h18v04_2024097_061"
    assert item.properties["start_datetime"] == "2024-04-06T00:00:00Z"
    assert item.properties["end_datetime"] == "2024-04-21T23:59:59Z"
    assert item.properties["platform"] == "terra"
    ndvi = cube.values[0]
    known = np.unique(stored[stored != -3000]) * 0.0001
    seen = ndvi[np.isfinite(ndvi)]
    assert np.abs(known[np.searchsorted(known, seen - 1e-5)] - seen).max() < 1e-6
    assert np.isnan(ndvi).mean() > 10 / 80


def test_hdf4_without_its_library_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "MOD13Q1.A2024097.h18v04.061.2024115101010.hdf"
    path.write_bytes(b"\x0e\x03\x13\x01" + bytes(100))
    assert modis.recognise(path)
    monkeypatch.setattr(decoding, "find_spec", lambda name: None)
    monkeypatch.setattr(hdf4._pool, "_idle", [])
    with pytest.raises(UnavailableError, match=r"pyhdf.*is not installed.*eocene\[hdf4\]"):
        list(modis.read_product(path, IngestOptions()))


@pytest.mark.parametrize(
    ("name", "collection", "layer"),
    [
        ("MOD13Q1.061__250m_16_days_EVI_doy2024001000000_aid0001.tif", "modis-13q1-061", "EVI"),
        ("MYD11A2.A2024001.h18v04.061.2024017101010_LST_Day_1km.tif", "modis-11a2-061", "LST_Day_1km"),
        ("MCD43A4.A2024001.h18v04.061.2024017101010.Nadir_Reflectance_Band1.tif", "modis-43a4-061",
         "Nadir_Reflectance_Band1"),
    ],
)  # fmt: skip
def test_names_of_archives_are_understood(tmp_path, name, collection, layer):
    path = write_modis_tiff(tmp_path, LAYER, _stored()).rename(tmp_path / name)
    ((made, (item,)),) = modis.read_product(path, IngestOptions())
    assert (made["id"], list(item["assets"])) == (collection, [layer])


def test_a_folder_with_other_rasters_is_left_to_other_readers(tmp_path):
    path = write_modis_tiff(tmp_path, LAYER, _stored())
    path.with_name("other_2024-05-01.tif").write_bytes(path.read_bytes())
    assert not modis.recognise(tmp_path)
