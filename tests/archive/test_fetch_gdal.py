"""GDAL opens a file by the driver that is named, with nothing beside it, and no block that is too large."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import rasterio
from rasterio.errors import RasterioError

from eocene.archive.fetch import (
    GDAL_DRIVER,
    GDAL_OPTIONS,
    JP2_DRIVER,
    LocalContent,
    check_decoded,
    open_dataset,
)
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


class Watched:
    """Content that notes the configuration under which each of its bytes is read."""

    def __init__(self, path):
        self._content, self.seen = LocalContent(path), []
        self.name, self.identity, self.size = self._content.name, self._content.identity, self._content.size

    def read(self, offset, length):
        self.seen.append(dict(rasterio.env.getenv()) if rasterio.env.hasenv() else {})
        return self._content.read(offset, length)


@pytest.mark.parametrize("driver", [GDAL_DRIVER, JP2_DRIVER])
def test_an_image_is_read_in_the_hardened_configuration_wherever_that_is_done(driver, tmp_path, products):
    pixels = products.random_pixels(1000, 1000)
    profile = {"width": 1000, "height": 1000, "count": 1, "dtype": "uint16", "crs": "EPSG:32631"}
    layout = {"blockxsize": 128, "blockysize": 128}
    layout |= {"QUALITY": 100, "REVERSIBLE": True} if driver == JP2_DRIVER else {"tiled": True}
    place = rasterio.Affine(10, 0, 500_000, 0, -10, 5_400_000)
    path = tmp_path / ("a.jp2" if driver == JP2_DRIVER else "a.tif")
    with rasterio.open(path, "w", driver=driver, transform=place, **profile, **layout) as made:
        made.write(pixels, 1)
    content = Watched(path)
    dataset = open_dataset(content.name, driver, content=content)
    opened = len(content.seen)
    np.testing.assert_array_equal(dataset.read(1), pixels)
    assert len(content.seen) > opened
    wanted = {name: str(value) for name, value in GDAL_OPTIONS.items()}
    assert [one for one in content.seen if {n: str(one.get(n)) for n in wanted} != wanted] == []
    assert (dataset.shape, dataset.crs.to_epsg(), dataset.transform) == ((1000, 1000), 32631, place)
    assert not rasterio.env.hasenv()
    dataset.close()
    assert dataset.closed


_ENDING = """
import sys
from pathlib import Path
from eocene.archive.fetch import GDAL_DRIVER, LocalContent, open_dataset

class Content:
    def __init__(self, path):
        self.content = LocalContent(path)
        self.name, self.identity, self.size = "a", self.content.identity, self.content.size

    def read(self, offset, length):
        return self.content.read(offset, length)

dataset = open_dataset("a", GDAL_DRIVER, content=Content(Path(sys.argv[1])))
print(dataset.read(1).shape)
"""


def test_python_ends_in_peace_while_an_image_is_open(image):
    answer = subprocess.run(
        [sys.executable, "-c", _ENDING, str(image)], capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stdout) == (0, "(300, 300)\n")


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
