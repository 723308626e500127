"""HDF4, in which NASA keeps MODIS: the numbers that were written, and of no file but the one asked for."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from eocene.archive.readers import modis
from eocene.model import DamageError
from eocene.testing.products.modis import write_modis_hdf4, write_modis_tiff
from eocene.testing.readers import ReaderContract

pytestmark = pytest.mark.skipif(find_spec("pyhdf") is None, reason="pyhdf is not installed")
NDVI, QUALITY = "500m 16 days NDVI", "500m 16 days VI Quality"


def _fields(seed=1):
    random = np.random.default_rng(seed)
    return {
        NDVI: random.integers(-2000, 10_000, (80, 100), np.int16),
        QUALITY: random.integers(0, 60_000, (80, 100), np.uint16),
    }


class TestModisHdf4(ReaderContract):
    reader = modis.READER
    usual_damages = 12  # a process that dies takes a while to be replaced

    def make_product(self, folder):
        return write_modis_hdf4(folder, _fields())


def test_pixels_are_those_of_the_same_layer_as_geotiff(tmp_path, archive):
    fields = _fields()
    [item] = archive.ingest(write_modis_hdf4(tmp_path / "hdf", fields))
    assert set(item["assets"]) == {"NDVI", "VI_Quality"}
    assert item["assets"]["NDVI"]["raster:scale"] == 0.0001
    tiff = write_modis_tiff(tmp_path / "tiff", "500m_16_days_NDVI", fields[NDVI])
    [same] = archive.ingest(tiff, collection="tiff")
    found, expected = (archive.open_raster(one["assets"]["NDVI"]) for one in (item, same))
    assert found.levels == expected.levels
    assert found.nodata == expected.nodata == -3000
    grid = found.levels[0]
    np.testing.assert_array_equal(found.read(grid), expected.read(grid))
    quality = archive.open_raster(item["assets"]["VI_Quality"]).read(grid)
    assert set(np.unique(quality)) - {65535} <= set(np.unique(fields[QUALITY]))


def test_data_in_another_file_are_not_read(tmp_path, archive):
    """An HDF4 file may name any file as the place of its data."""
    from pyhdf.SD import SD, SDC

    path = write_modis_hdf4(tmp_path, _fields())
    secret = tmp_path / "secret.bin"
    secret.write_bytes(b"\x11\x22" * 8000)
    file = SD(str(path), SDC.WRITE)
    data = file.create("moved", SDC.INT16, (80, 100))
    data.setexternalfile(str(secret), 0)
    data.endaccess()
    file.end()
    content = path.read_bytes()
    # The grid names the field that lies elsewhere instead of the one that it had.
    path.write_bytes(content.replace(f'"{QUALITY}"'.encode(), b'"moved"'.ljust(len(QUALITY) + 2)))
    [item] = archive.ingest(path)
    raster = archive.open_raster(item["assets"]["moved"])
    with pytest.raises(DamageError, match=r"MOD13A1.*cannot be read"):
        raster.read(raster.levels[0])


def test_a_decoder_that_dies_is_replaced(tmp_path, archive):
    from eocene.archive.rasters.hdf4 import _pool

    [item] = archive.ingest(write_modis_hdf4(tmp_path, _fields()))
    _pool._idle[0]._process.kill()
    _pool._idle[0]._process.wait()
    with pytest.raises(DamageError, match="cannot be read"):
        archive.ingest(write_modis_hdf4(tmp_path / "b", _fields(2)))
    archive.ingest(write_modis_hdf4(tmp_path / "b", _fields(2)))
    assert item["assets"]["NDVI"]["type"] == "application/x-hdf; version=4"
