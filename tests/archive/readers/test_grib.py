"""GRIB files: values as ecCodes reads them, on a grid that other data stand on."""

from __future__ import annotations

import math
from functools import cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from shutil import copy, rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.spatial import cKDTree
from tests.archive.readers.grib_files import SmallField, locate_by_eccodes, read_by_eccodes, write_grib

import eocene
from eocene.archive import Archive
from eocene.archive.rasters.grib_decoder import GribDecoder, GribError
from eocene.archive.readers import grib
from eocene.model import DamageError, Grid, InputError, Layout
from eocene.testing.readers import ReaderContract

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(find_spec("eccodes") is None, reason="ecCodes is not installed")


LEVEL = {"shortName": "t", "typeOfLevel": "isobaricInhPa"}
ORDERS = list(product([1, 2], [{}, {"iScansNegatively": 1}, {"jPointsAreConsecutive": 1}], [False, True]))


def store(number: int) -> SmallField:
    """Return a field in one of the orders, each on a day of its own."""
    edition, keys, south_up = ORDERS[number]
    first, last = (54.5, 60.0) if south_up else (60.0, 54.5)
    west, east = (17.5, 10.0) if "iScansNegatively" in keys else (10.0, 17.5)
    return SmallField((first, west), (last, east), date=20240301 + number, edition=edition, keys=keys)


EUROPE = {
    "latitudeOfSouthernPoleInDegrees": -39.25, "longitudeOfSouthernPoleInDegrees": 18,
    "latitudeOfFirstGridPointInDegrees": 20, "longitudeOfFirstGridPointInDegrees": -12,
    "latitudeOfLastGridPointInDegrees": -22, "longitudeOfLastGridPointInDegrees": 18,
    "iDirectionIncrementInDegrees": 2, "jDirectionIncrementInDegrees": 1.4,
}  # fmt: skip
ARCTIC = {"latitudeOfSouthernPoleInDegrees": 0, "longitudeOfSouthernPoleInDegrees": 180}
TURNED = {"angleOfRotation": 10}
WORLD = SmallField((90.0, 0.0), (-90.0, 337.5), (9, 16))
FIJI = SmallField((10.0, 170.0), (4.5, 185.0))
FILES = {
    "hours": [SmallField(time=hour * 100) for hour in (0, 6, 18)],
    "orders": [store(number) for number in range(len(ORDERS))],
    "world": [WORLD],
    "fiji": [FIJI],
    "holes": [SmallField(missing=(0, 5, 20))],
    "runs": [
        SmallField(keys=LEVEL | {"level": 850}),
        SmallField(keys=LEVEL | {"level": 500}),
        SmallField(keys={"stepRange": "6"}, padding=13),
        SmallField(time=600),
    ],
    "twice": [SmallField(), SmallField()],
    "gauss": [SmallField(sample="regular_gg_pl_grib2", shape=(64, 128))],
    "reduced": [SmallField(sample="reduced_gg_pl_32_grib2", shape=(1, 6114))],
    "reduced1": [SmallField(sample="reduced_gg_pl_32_grib1", shape=(1, 6114))],
    "rotated": [SmallField(sample="rotated_ll_sfc_grib2", keys=EUROPE, shape=(31, 16))],
    "arctic": [SmallField(sample="rotated_ll_sfc_grib2", keys=EUROPE | ARCTIC, shape=(31, 16))],
    "rotated1": [SmallField(sample="rotated_ll_sfc_grib1", keys=EUROPE, shape=(31, 16))],
    "spectral": [SmallField(sample="sh_ml_grib2", shape=(1, 4160))],
    "turned": [SmallField(sample="rotated_ll_sfc_grib2", keys=EUROPE | TURNED, shape=(31, 16))],
}


@cache
def write_files() -> dict[str, Path]:
    return write_grib(Path(mkdtemp(prefix="eocene-grib-")), FILES)


@pytest.fixture(scope="module")
def files() -> Iterator[dict[str, Path]]:
    """Small files by what is odd about them."""
    yield write_files()
    rmtree(write_files()["hours"].parent)
    write_files.cache_clear()


@pytest.mark.usefixtures("files")
class TestGrib(ReaderContract):
    reader = grib.READER

    def make_product(self, folder: Path) -> Path:
        folder.mkdir(parents=True)
        return Path(copy(write_files()["hours"], folder))


@pytest.mark.long
@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("name", ["reduced", "rotated"])
class TestGribSeen(ReaderContract):
    reader = grib.READER

    @pytest.fixture(autouse=True)
    def choose(self, name: str) -> None:
        self.name = name

    def make_product(self, folder: Path) -> Path:
        folder.mkdir(parents=True)
        return Path(copy(write_files()[self.name], folder))


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = Archive(Layout(tmp_path / "workspace"))
    yield archive
    archive.close()


def read_assets(archive: Archive, items: list[dict[str, Any]], name: str = "2t") -> list[np.ndarray]:
    rasters = [archive.open_raster(item["assets"][name]) for item in items]
    return [raster.read(raster.levels[0]) for raster in rasters]


def test_the_values_of_a_month_of_era5_are_those_of_eccodes(
    real_data: Path, tmp_path: Path, archive: Archive
) -> None:
    path = real_data / "climate-xarray-data" / "era5-2mt-2019-03-uk.grib"
    items = archive.ingest(path)
    assert len(items) == 31 * 24
    assert items[0]["properties"]["datetime"] == "2019-03-01T00:00:00Z"
    assert items[-1]["properties"]["datetime"] == "2019-03-31T23:00:00Z"
    assert items[0]["assets"]["2t"]["unit"] == "K"
    np.testing.assert_array_equal(np.array(read_assets(archive, items)), read_by_eccodes(path, tmp_path))


@pytest.fixture(scope="module")
def stored_in_all_orders(
    files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> list[np.ndarray]:
    """The values of fields that are stored in all orders, as they are read."""
    archive = Archive(Layout(tmp_path_factory.mktemp("orders") / "workspace"))
    values = read_assets(archive, archive.ingest(files["orders"]))
    archive.close()
    return values


@pytest.mark.parametrize("number", range(len(ORDERS)), ids=[str(order) for order in ORDERS])
def test_a_field_is_north_up_however_it_is_stored(
    number: int, stored_in_all_orders: list[np.ndarray]
) -> None:
    _, keys, south_up = ORDERS[number]
    stored = store(number)
    height, width = stored.shape
    by_hand = np.empty((height, width))
    for place, value in enumerate(stored.values()):
        row, column = divmod(place, width)
        if keys.get("jPointsAreConsecutive"):
            column, row = divmod(place, height)
        row = height - 1 - row if south_up else row
        column = width - 1 - column if keys.get("iScansNegatively") else column
        by_hand[row, column] = value
    np.testing.assert_allclose(stored_in_all_orders[number], by_hand, atol=1e-5)


def test_longitudes_from_0_to_360_begin_at_the_antimeridian(files: dict[str, Path], archive: Archive) -> None:
    (item,) = archive.ingest(files["world"])
    assert item["bbox"] == [-180.0, -90.0, 168.75, 90.0]
    raster = archive.open_raster(item["assets"]["2t"])
    grid = raster.levels[0]
    np.testing.assert_allclose(grid.x, np.arange(-180, 180, 22.5))
    by_longitude = dict(
        zip((np.arange(0, 360, 22.5) + 180) % 360 - 180, WORLD.values().reshape(9, 16).T, strict=True)
    )
    np.testing.assert_allclose(raster.read(grid), np.array([by_longitude[x] for x in grid.x]).T, atol=1e-5)


def test_a_field_across_the_antimeridian_is_one_item_on_each_side(
    files: dict[str, Path], archive: Archive
) -> None:
    items = archive.ingest(files["fiji"])
    west, east = sorted(items, key=lambda item: -item["bbox"][0])
    assert west["bbox"][0] == 169.5
    assert east["bbox"][2] == pytest.approx(-174.5)
    both = np.hstack(read_assets(archive, [west, east]))
    np.testing.assert_allclose(both, FIJI.values().reshape(FIJI.shape), atol=1e-5)


def test_missing_values_are_no_data(files: dict[str, Path], archive: Archive) -> None:
    (item,) = archive.ingest(files["holes"])
    (values,) = read_assets(archive, [item])
    assert np.flatnonzero(np.isnan(values)).tolist() == [0, 5, 20]


def test_levels_and_runs_are_told_apart(files: dict[str, Path], archive: Archive) -> None:
    items = archive.ingest(files["runs"])
    assert sorted(items[0]["assets"]) == ["t_500", "t_850"]
    forecast, analysis = (item for item in items if item["properties"]["datetime"] == "2024-03-01T06:00:00Z")
    assert forecast["properties"]["forecast:reference_datetime"] == "2024-03-01T00:00:00Z"
    assert forecast["properties"]["forecast:horizon"] == "PT360M"
    assert "forecast:horizon" not in analysis["properties"]


def test_two_fields_of_one_instant_are_refused(files: dict[str, Path], archive: Archive) -> None:
    with pytest.raises(InputError, match="two fields '2t'"):
        archive.ingest(files["twice"])


def test_the_hours_of_a_day_are_dates_of_their_own(files: dict[str, Path], tmp_path: Path) -> None:
    with eocene.open(tmp_path / "cube") as workspace:
        workspace.ingest(files["hours"])
        cube = workspace.load("hours", bands=["2t"])
        assert [str(t)[:13] for t in cube.t.values] == ["2024-03-01T00", "2024-03-01T06", "2024-03-01T18"]
        assert cube.sel(bands="2t")[0].values.max() == pytest.approx(250 + 11 + 15 / 64, abs=1e-4)


SEEN = ("gauss", "reduced", "reduced1", "rotated", "rotated1", "arctic")


def on_sphere(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    up, along = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(up) * np.cos(along), np.cos(up) * np.sin(along), np.sin(up)], axis=-1)


@pytest.mark.parametrize("name", SEEN)
def test_a_map_pixel_has_the_value_of_a_point_that_is_near(
    name: str, files: dict[str, Path], archive: Archive, tmp_path: Path
) -> None:
    """Where the points are is what ecCodes says."""
    [item] = archive.ingest(files[name])
    raster = archive.open_raster(next(iter(item["assets"].values())))
    grid = raster.levels[0]
    found = raster.read(grid).ravel()
    latitude, longitude, values = locate_by_eccodes(files[name], tmp_path)
    points = on_sphere(latitude, longitude)
    y, x = (axis.ravel() for axis in np.meshgrid(grid.y, grid.x, indexing="ij"))
    distances, nearest = cKDTree(points).query(on_sphere(y, x), k=6)
    known = np.isfinite(found)
    is_it = np.isclose(found[:, None], values[nearest], rtol=0, atol=1e-3)
    chosen = np.take_along_axis(distances, np.argmax(is_it, axis=1)[:, None], axis=1)[:, 0]
    assert is_it[known].any(axis=1).mean() > 0.995
    # In its own coordinates another point may be nearer, where meridians run together.
    assert (chosen[known] <= 1.5 * distances[known, 0] + 1e-6).mean() > 0.97
    spacing = np.median(cKDTree(points).query(points, k=2)[0][:, 1])
    assert (distances[~known, 0] > 0.4 * spacing).all()
    assert known.mean() > 0.2


@pytest.mark.parametrize("name", SEEN)
def test_windows_of_a_seen_field_are_parts_of_the_whole(
    name: str, files: dict[str, Path], archive: Archive
) -> None:
    [item] = archive.ingest(files[name])
    raster = archive.open_raster(next(iter(item["assets"].values())))
    grid = raster.levels[0]
    part = Grid(grid.lattice, grid.left + 3, grid.top + 5, 11, 7)
    np.testing.assert_array_equal(raster.read(part), raster.read(grid)[5:12, 3:14])


@pytest.mark.parametrize("name", ["turned", "spectral"])
def test_other_grids_are_refused_with_a_remedy(name: str, files: dict[str, Path], archive: Archive) -> None:
    with pytest.raises(InputError, match=rf"{name}\.grib.*on the grid"):
        archive.ingest(files[name])


def test_a_decoder_that_dies_is_replaced(files: dict[str, Path]) -> None:
    message = files["world"].read_bytes()
    decoder = GribDecoder()
    try:
        assert decoder.decode(message).size == WORLD.values().size
        decoder._idle[0]._process.kill()
        decoder._idle[0]._process.wait()
        with pytest.raises(GribError):
            decoder.decode(message)
        assert decoder.decode(message).size == WORLD.values().size
    finally:
        decoder.close()


def test_a_header_that_promises_too_much_is_refused(
    files: dict[str, Path], tmp_path: Path, archive: Archive
) -> None:
    content = bytearray(files["world"].read_bytes())
    section = content.index(b"\0\0\0\x48\3")  # the grid: 72 bytes, number 3
    for offset, value in ((6, 2**31 - 1), (30, 46341), (34, 46341)):
        content[section + offset : section + offset + 4] = value.to_bytes(4, "big")
    bomb = tmp_path / "bomb.grib"
    bomb.write_bytes(content)
    with pytest.raises((InputError, DamageError), match=r"bomb\.grib"):
        archive.ingest(bomb)
    assert math.prod((46341, 46341)) * 8 > 2**33
