"""Sentinel-3: scans on a map grid, each map pixel with the image pixel that is nearest on the Earth."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from pyproj import Transformer

import eocene
from eocene.archive.product import IngestOptions
from eocene.archive.readers import sentinel3
from eocene.model import DamageError, InputError
from eocene.model.grid import Grid
from eocene.testing.products.sentinel3 import SKEW, locate_pixels, project_scan, write_sen3
from eocene.testing.readers import ReaderContract

SHAPE = (90, 110)


def _stored(seed=1):
    return np.random.default_rng(seed).integers(0, 255, SHAPE, np.uint8)


def _zip(product, method=zipfile.ZIP_DEFLATED):
    path = product.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", method) as stream:
        for file in sorted(product.iterdir()):
            stream.write(file, f"{product.name}/{file.name}")
    return path


def _under_centres(grid, origin, gsd=300.0):
    """Return row and column of the scan under each centre of a map grid, by its own projection."""
    x, y = Transformer.from_crs(grid.epsg, project_scan(origin), always_xy=True).transform(
        *np.meshgrid(grid.x, grid.y)
    )
    cosine, sine = np.cos(SKEW), np.sin(SKEW)
    rows, columns = -(sine * x + cosine * y) / gsd, (cosine * x - sine * y) / gsd
    return np.floor(rows + 0.5).astype(int), np.floor(columns + 0.5).astype(int)


class TestSentinel3Folder(ReaderContract):
    reader = sentinel3.READER

    def make_product(self, folder):
        return write_sen3(folder, {"GIFAPAR": _stored()}, locate_pixels(SHAPE))


class TestSentinel3Zip(ReaderContract):
    reader = sentinel3.READER
    damages = 60

    def make_product(self, folder):
        return _zip(write_sen3(folder, {"GIFAPAR": _stored()}, locate_pixels(SHAPE)))


@pytest.mark.parametrize(
    ("origin", "epsg"),
    [((10.0, 48.0), 4326), ((179.8, 10.0), 32660), ((10.0, 89.9), 3413), ((-60.0, -40.0), 4326)],
    ids=["Europe", "antimeridian", "pole", "south"],
)
def test_map_pixels_have_the_number_of_the_image_pixel_under_their_centre(tmp_path, archive, origin, epsg):
    stored = _stored()
    (item,) = archive.ingest(write_sen3(tmp_path, {"GIFAPAR": stored}, locate_pixels(SHAPE, origin)))
    raster = archive.open_raster(item["assets"]["GIFAPAR"])
    grid = raster.levels[0]
    assert grid.epsg == epsg
    rows, columns = _under_centres(grid, origin)
    inside = (rows >= 0) & (rows < SHAPE[0]) & (columns >= 0) & (columns < SHAPE[1])
    expected = np.where(inside, stored[rows.clip(0, SHAPE[0] - 1), columns.clip(0, SHAPE[1] - 1)], 255)
    assert inside.sum() > 0.9 * stored.size
    assert (raster.read(grid) == expected).mean() > 0.998, "coordinates are kept to a millionth of a degree"


def test_a_window_has_what_the_whole_has(tmp_path, archive):
    (item,) = archive.ingest(write_sen3(tmp_path, {"GIFAPAR": _stored()}, locate_pixels(SHAPE)))
    raster = archive.open_raster(item["assets"]["GIFAPAR"])
    grid = raster.levels[0]
    whole = raster.read(grid)
    for row, column in ((0, 0), (31, 17), (60, 90)):
        part = raster.read(Grid(grid.lattice, grid.left + column, grid.top + row, 20, 13))
        np.testing.assert_array_equal(part, whole[row : row + 13, column : column + 20])


def test_values_are_decoded_and_grids_of_slstr_told_apart(tmp_path):
    places, stored = locate_pixels(SHAPE, gsd=1000.0), _stored()
    images = {"LST_in": stored, "elsewhere": np.zeros((5, 5), np.float32)}
    with eocene.open(tmp_path / "workspace") as workspace:
        (item,) = workspace.ingest(write_sen3(tmp_path, images, places, "SL_2_LST"))
        assert set(item.assets) == {"LST_in", "geodetic_in", "manifest"}
        cube = workspace.load("sentinel-3-slstr-2-lst", bands=["LST_in"]).squeeze().compute()
    values = cube.values[np.isfinite(cube.values)]
    known = np.unique(stored[stored != 255] * 0.004 + 0.1)
    assert np.abs(values[:, None] - known[None]).min(axis=1).max() < 1e-6


def test_the_item_tells_orbit_times_and_wavelengths(tmp_path):
    product = write_sen3(tmp_path, {"Oa08_reflectance": _stored()}, locate_pixels(SHAPE))
    ((collection, (item,)),) = sentinel3.read_product(product, IngestOptions())
    assert collection["id"] == "sentinel-3-olci-2-lfr"
    expected = {
        "datetime": "2024-05-01T10:00:00.123456Z",
        "end_datetime": "2024-05-01T10:03:00.123456Z",
        "platform": "sentinel-3a",
        "sat:relative_orbit": 22,
        "sat:orbit_state": "descending",
        "processing:software": {"IPF": "06.14"},
    }
    assert expected.items() <= item["properties"].items()
    (band,) = item["assets"]["Oa08_reflectance"]["bands"]
    assert (band["eo:common_name"], band["eo:center_wavelength"]) == ("red", 0.665)


def test_a_zip_file_is_unpacked_once(tmp_path, archive):
    packed = _zip(write_sen3(tmp_path, {"GIFAPAR": _stored()}, locate_pixels(SHAPE)))
    (first,) = archive.ingest(packed)
    before = {f: f.stat().st_mtime_ns for f in archive.layout.assets.rglob("*")}
    assert archive.ingest(packed) == [first]
    assert {f: f.stat().st_mtime_ns for f in archive.layout.assets.rglob("*")} == before


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, archive):
    product = write_sen3(tmp_path, {"GIFAPAR": _stored()}, locate_pixels(SHAPE))
    (product / "large.nc").write_bytes(bytes(40 * 2**20))
    with pytest.raises(InputError, match=r"would become \d+ bytes"):
        archive.ingest(_zip(product))
    assert not archive.layout.assets.exists() or not any(archive.layout.assets.rglob("*.nc"))


def test_a_file_for_longitudes_elsewhere_is_refused(tmp_path, archive):
    (item,) = archive.ingest(write_sen3(tmp_path, {"GIFAPAR": _stored()}, locate_pixels(SHAPE)))
    asset = item["assets"]["GIFAPAR"]
    for file in ("../geo_coordinates.nc", "/etc/passwd", "gone.nc"):
        place = asset["eocene:geolocation"] | {"file": file}
        with pytest.raises((InputError, DamageError), match=r"where its pixels lie|does not exist"):
            archive.open_raster(asset | {"eocene:geolocation": place})
