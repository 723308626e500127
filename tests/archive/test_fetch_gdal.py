"""GDAL opens a file by the driver that is named, with nothing beside it, and no block that is too large."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from rasterio.errors import RasterioError

from eocene.archive.fetch import GDAL_DRIVER, JP2_DRIVER, check_decoded, open_dataset
from eocene.model import InputError
from eocene.testing.faults import FaultServer


@pytest.fixture
def image(tmp_path, products):
    return products.make_cog(tmp_path / "a.tif", products.random_pixels(300, 300))


def test_another_format_is_not_opened_whatever_the_file_is_called(image, tmp_path):
    virtual = tmp_path / "b.tif"
    virtual.write_text(
        "<VRTDataset rasterXSize='300' rasterYSize='300'><SRS>EPSG:32632</SRS>"
        "<GeoTransform>600000,10,0,5200000,0,-10</GeoTransform><VRTRasterBand dataType='UInt16' band='1'>"
        f"<SimpleSource><SourceFilename>{image}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>"
        "</VRTRasterBand></VRTDataset>"
    )
    rasterio.open(virtual).close()  # without the name of a driver it would be
    for driver in (GDAL_DRIVER, JP2_DRIVER):
        with pytest.raises(RasterioError):
            open_dataset(str(virtual), driver)


@pytest.mark.parametrize(
    "driver", ["VRT", "MRF", "WMS", "HTTP", "STACIT", "PostGISRaster", "netCDF", "", "gtiff"]
)
def test_no_other_driver_may_be_named(image, driver):
    with pytest.raises(InputError, match="opens no files here"):
        open_dataset(str(image), driver)


def test_a_remote_image_is_opened_without_asking_for_what_may_lie_beside_it(image, tmp_path):
    (tmp_path / "a.tif.ovr").write_bytes(image.read_bytes())
    with FaultServer(tmp_path) as server:
        content = server.door().open(f"{server.url}/a.tif")
        with (
            open_dataset(content.name, GDAL_DRIVER, content=content) as remote,
            rasterio.open(image) as local,
        ):
            np.testing.assert_array_equal(remote.read(1), local.read(1))
        assert {seen.target for seen in server.seen} == {"/a.tif"}


def test_a_block_that_does_not_fit_into_memory_is_refused_when_it_is_opened(tmp_path, products, monkeypatch):
    pixels = products.random_pixels(1600, 1600)
    path = tmp_path / "strip.tif"
    profile = {"width": 1600, "height": 1600, "count": 1, "dtype": "uint16", "driver": "GTiff"}
    layout = {"tiled": True, "blockxsize": 1600, "blockysize": 1600, "crs": "EPSG:32631"}
    transform = rasterio.Affine(10, 0, 0, 0, -10, 0)
    with rasterio.open(path, "w", transform=transform, **profile, **layout) as dataset:
        dataset.write(pixels, 1)
    monkeypatch.setenv("EOCENE_MEMORY", "5MB")  # its block takes 5.12
    with pytest.raises(InputError, match="5120000 bytes"):
        open_dataset(str(path), GDAL_DRIVER)
    monkeypatch.setenv("EOCENE_MEMORY", "6MB")
    open_dataset(str(path), GDAL_DRIVER).close()


def test_sizes_are_counted_whole(monkeypatch):
    monkeypatch.setenv("EOCENE_MEMORY", "10MB")
    assert check_decoded("f", "a chunk", (1000, 1000), 8) == 8_000_000
    assert check_decoded("f", "a chunk", ()) == 1
    for shape, width in (((1_250_001,), 8), ((2**40, 2**40), 1), ((-1, 5), 1), ((0, -5), 1)):
        with pytest.raises(InputError, match="f"):
            check_decoded("f", "a chunk", shape, width)
