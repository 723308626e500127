"""Fields of GRIB on the plane of a projection: points where ecCodes or GDAL say, the nearest as PROJ says."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from shutil import copy, rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from pyproj import Proj, Transformer
from scipy.spatial import cKDTree
from tests.archive.readers.grib_files import SmallField, locate_by_eccodes, write_grib

import eocene
from eocene.archive import Archive
from eocene.archive.readers import grib
from eocene.model import DamageError, Grid, InputError, Layout
from eocene.testing.readers import ReaderContract

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(find_spec("eccodes") is None, reason="ecCodes is not installed")

SHAPE = (24, 32)


def planar(
    grid: str, first: tuple[float, float], step: tuple[float, float], edition: int = 2, **keys: Any
) -> SmallField:
    """Return a field on a projection; ``first`` is a latitude and longitude, ``step`` in metres."""
    names = "DiInMetres DjInMetres" if grid == "mercator" else "DxInMetres DyInMetres"
    place = {
        "latitudeOfFirstGridPointInDegrees": first[0],
        "longitudeOfFirstGridPointInDegrees": first[1],
        **dict(zip(names.split(), step, strict=True)),
    }
    size = {"gridType": grid, "Nx": SHAPE[1], "Ny": SHAPE[0]}
    sample = f"regular_ll_sfc_grib{edition}"
    return SmallField(
        sample=sample, shape=SHAPE, edition=edition, keys=size | place | {"shortName": "2t"} | keys
    )


HRRR = {"LaDInDegrees": 38.5, "Latin1InDegrees": 38.5, "Latin2InDegrees": 38.5, "LoVInDegrees": 262.5}
NORTH_UP = {"jScansPositively": 1}
RADIUS = {
    "shapeOfTheEarth": 1,
    "scaleFactorOfRadiusOfSphericalEarth": 0,
    "scaledValueOfRadiusOfSphericalEarth": 6370997,
}
HRRR_PLANE = "+proj=lcc +lat_0=38.5 +lat_1=38.5 +lat_2=38.5 +lon_0=262.5"
STERE = "+proj=stere +lat_0=90 +lat_ts=60"


def american(first: tuple[float, float] = (21.138123, 237.280472), **keys: Any) -> SmallField:
    """Return a field that covers the United States with the projection of HRRR, whatever its order."""
    return planar("lambert", first, (170_000, 145_000), **HRRR | NORTH_UP | keys)


FIELDS: dict[str, tuple[SmallField, str]] = {
    "lambert": (american(), f"{HRRR_PLANE} +R=6371229"),
    "lambert-zigzag": (american(alternativeRowScanning=1), f"{HRRR_PLANE} +R=6371229"),
    "lambert-columns": (american(jPointsAreConsecutive=1), f"{HRRR_PLANE} +R=6371229"),
    "lambert-domain": (american(gridType="lambert_lam"), f"{HRRR_PLANE} +R=6371229"),
    "lambert-radius": (american(**RADIUS), f"{HRRR_PLANE} +R=6370997"),
    "lambert-secant": (
        planar("lambert", (-40.0, 10.0), (60_000, 60_000), LaDInDegrees=-35, Latin1InDegrees=-30,
               Latin2InDegrees=-40, LoVInDegrees=25, shapeOfTheEarth=4, projectionCentreFlag=128, **NORTH_UP),
        "+proj=lcc +lat_0=-35 +lat_1=-30 +lat_2=-40 +lon_0=25 +ellps=GRS80",
    ),
    "lambert-first-edition": (
        planar("lambert", (38.0, -10.0), (50_000, 50_000), 1, Latin1InDegrees=46, Latin2InDegrees=46,
               LoVInDegrees=2, **NORTH_UP),
        "+proj=lcc +lat_0=46 +lat_1=46 +lat_2=46 +lon_0=2 +R=6367470",
    ),
    "pole": (
        planar("polar_stereographic", (52.0, 260.0), (200_000, 250_000), LaDInDegrees=60,
               orientationOfTheGridInDegrees=-45, shapeOfTheEarth=5, **NORTH_UP),
        f"{STERE} +lon_0=-45 +ellps=WGS84",
    ),
    "antarctic": (
        planar("polar_stereographic", (-62.0, 300.0), (150_000, 150_000), 1, projectionCentreFlag=128,
               orientationOfTheGridInDegrees=0),
        "+proj=stere +lat_0=-90 +lat_ts=-60 +lon_0=0 +R=6367470",
    ),
    "alaska": (
        planar("polar_stereographic", (50.0, 170.0), (70_000, 70_000), LaDInDegrees=60,
               orientationOfTheGridInDegrees=210, **NORTH_UP),
        f"{STERE} +lon_0=210 +R=6371229",
    ),
    "fiji": (
        planar("mercator", (-23.0, 168.0), (80_000, 70_000), LaDInDegrees=20,
               latitudeOfLastGridPointInDegrees=-8.0, longitudeOfLastGridPointInDegrees=191.7, **NORTH_UP),
        "+proj=merc +lat_ts=20 +lon_0=180 +R=6371229",
    ),
    "tropics": (
        planar("mercator", (-60.0, 0.0), (1_250_000, 600_000), 1, LaDInDegrees=0,
               latitudeOfLastGridPointInDegrees=69.7, longitudeOfLastGridPointInDegrees=348.7, **NORTH_UP),
        "+proj=merc +lat_ts=0 +lon_0=174.35 +R=6367470",
    ),
    "europe": (
        planar("lambert_azimuthal_equal_area", (60.0, -8.0), (70_000, 60_000), shapeOfTheEarth=4,
               standardParallelInDegrees=52, centralLongitudeInDegrees=10),
        "+proj=laea +lat_0=52 +lon_0=10 +ellps=GRS80",
    ),
}  # fmt: skip
BY_GDAL = {"pole", "antarctic"}
"""Which ecCodes does not place: on a spheroid, and around the southern pole in the first edition."""
MAPS = {"pole": 3413, "antarctic": 3031}
HALVES = {"alaska", "fiji"}
FILES: dict[str, list[SmallField]] = {
    **{name: [field] for name, (field, _) in FIELDS.items()},
    "degrees": [SmallField(keys={"alternativeRowScanning": 1})],
    "backwards": [american((21.42340721, 286.60441839), iScansNegatively=1)],
    "downwards": [american((46.99, 225.4), jScansPositively=0)],
    "wind": [american(shortName="10u", uvRelativeToGrid=1)],
    "turned": [
        planar("mercator", (-8.0, 168.0), (80_000, 70_000), orientationOfTheGridInDegrees=10, LaDInDegrees=20)
    ],
    "flat": [planar("lambert", (21.0, 237.0), (1000, 0), **HRRR)],
    "unshaped": [american(shapeOfTheEarth=11)],
    "coneless": [planar("lambert", (21.0, 237.0), (1000, 1000), **HRRR | {"Latin2InDegrees": -38.5})],
    "beyond": [planar("lambert_azimuthal_equal_area", (89.0, 0.0), (2_000_000, 2_000_000))],
}


@cache
def write_files() -> dict[str, Path]:
    return write_grib(Path(mkdtemp(prefix="eocene-grib-")), FILES)


@pytest.fixture(scope="module")
def files() -> Iterator[dict[str, Path]]:
    """Small files by what is odd about them."""
    yield write_files()
    rmtree(write_files()["pole"].parent)
    write_files.cache_clear()


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = Archive(Layout(tmp_path / "workspace"))
    yield archive
    archive.close()


@pytest.mark.long
@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("name", ["lambert", "pole", "fiji"])
class TestGribProjected(ReaderContract):
    reader = grib.READER

    @pytest.fixture(autouse=True)
    def choose(self, name: str) -> None:
        self.name = name

    def make_product(self, folder: Path) -> Path:
        folder.mkdir(parents=True)
        return Path(copy(write_files()[self.name], folder))


def seen(archive: Archive, path: Path) -> list[tuple[Grid, np.ndarray]]:
    """Return the grid and the values of each part of a file."""
    rasters = [archive.open_raster(next(iter(item["assets"].values()))) for item in archive.ingest(path)]
    return [(raster.levels[0], raster.read(raster.levels[0])) for raster in rasters]


def locate_by_gdal(path: Path) -> np.ndarray:
    """Return latitude, longitude and value (3, points) of each pixel by GDAL's driver."""
    with rasterio.Env(GRIB_NORMALIZE_UNITS="NO"), rasterio.open(path) as dataset:
        rows, columns = np.indices(dataset.shape) + 0.5
        x, y = dataset.transform * (columns, rows)
        longitude, latitude = Proj(dataset.crs.to_wkt())(x, y, inverse=True)
        return np.array([latitude.ravel(), longitude.ravel(), dataset.read(1).ravel()])


@pytest.mark.parametrize("name", FIELDS)
def test_a_map_pixel_has_the_value_of_the_point_that_is_nearest_in_the_plane(
    name: str, files: dict[str, Path], archive: Archive, tmp_path: Path
) -> None:
    """Points are placed by another library, brought to the plane by PROJ, the nearest found by a tree."""
    if name in BY_GDAL:
        latitude, longitude, values = locate_by_gdal(files[name])
    else:
        latitude, longitude, values = locate_by_eccodes(files[name], tmp_path, one_by_one=True)
    field, projection = FIELDS[name]
    plane = Proj(projection)
    step = [
        field.keys[key]
        for key in field.keys
        if key in ("DxInMetres", "DyInMetres", "DiInMetres", "DjInMetres")
    ]
    points = np.stack(plane(longitude, latitude), axis=-1) / step
    tree = cKDTree(points)
    met: set[float] = set()
    for grid, found in seen(archive, files[name]):
        x, y = (axis.ravel() for axis in np.meshgrid(grid.x, grid.y))
        if grid.epsg != 4326:
            x, y = Transformer.from_crs(grid.epsg, 4326, always_xy=True).transform(x, y)
        steps = np.stack(plane(x, y), axis=-1) / step
        steps[~np.isfinite(steps)] = 1e9
        _, nearest = tree.query(steps)
        away = np.abs(steps - points[nearest]).max(axis=1)
        known = np.isfinite(found.ravel())
        sure = np.abs(away - 0.5) > 1e-3  # neither on the edge of a cell
        np.testing.assert_array_equal(known[sure], away[sure] < 0.5)
        np.testing.assert_allclose(found.ravel()[known & sure], values[nearest][known & sure], atol=1e-4)
        met |= set(np.round(found[np.isfinite(found)].astype(float), 3))
    assert len(met) > 0.75 * values.size, "a map of the same spacing shows most of the points"


@pytest.mark.parametrize("name", FIELDS)
def test_the_map_is_of_a_crs_that_fits(name: str, files: dict[str, Path], archive: Archive) -> None:
    items = archive.ingest(files[name])
    assert {item["properties"]["proj:code"] for item in items} == {f"EPSG:{MAPS.get(name, 4326)}"}
    assert len(items) == (2 if name in HALVES else 1)
    for item in items:
        west, south, east, north = item["bbox"]
        assert -180 <= west < east <= 180
        assert -90 <= south < north <= 90
        [asset] = item["assets"].values()
        told = Proj(asset["eocene:projection"])
        assert told.crs.ellipsoid.semi_major_metre == Proj(FIELDS[name][1]).crs.ellipsoid.semi_major_metre


def test_a_pole_in_a_field_has_a_value(files: dict[str, Path], archive: Archive) -> None:
    [(grid, values)] = seen(archive, files["pole"])
    row, column = -1 - grid.top, -1 - grid.left
    assert np.isfinite(values[row : row + 2, column : column + 2]).all()


@pytest.mark.parametrize("name", ["lambert", "pole", "fiji"])
def test_windows_are_parts_of_the_whole(name: str, files: dict[str, Path], archive: Archive) -> None:
    raster = archive.open_raster(archive.ingest(files[name])[0]["assets"]["2t"])
    grid = raster.levels[0]
    part = Grid(grid.lattice, grid.left + 3, grid.top + 5, 6, 7)
    np.testing.assert_array_equal(raster.read(part), raster.read(grid)[5:12, 3:9])


def test_lines_that_turn_are_read_in_degrees_too(files: dict[str, Path], archive: Archive) -> None:
    [(_, values)] = seen(archive, files["degrees"])
    stored = SmallField().values().reshape(SmallField().shape)
    stored[1::2] = stored[1::2, ::-1]
    np.testing.assert_allclose(values, stored, atol=1e-5)


def test_a_place_is_loaded_from_the_field_in_utm(files: dict[str, Path], tmp_path: Path) -> None:
    """The value over Denver is that of the point nearest to it."""
    latitude, longitude, values = locate_by_eccodes(files["lambert"], tmp_path, one_by_one=True)
    plane = Proj(FIELDS["lambert"][1])
    x, y = np.array(plane(longitude, latitude)) - np.array(plane(-105.0, 39.7))[:, None]
    with eocene.open(tmp_path / "cube") as workspace:
        workspace.ingest(files["lambert"])
        box = (-105.02, 39.69, -104.98, 39.71)
        cube = workspace.load("lambert", bands=["2t"], bbox=box, crs=32613, resolution=500)
        assert np.unique(cube.values).tolist() == [pytest.approx(values[np.hypot(x, y).argmin()], abs=1e-4)]


@pytest.mark.parametrize("name", ["backwards", "downwards"])
def test_rows_begin_at_the_first_point_whatever_their_direction(
    name: str, files: dict[str, Path], archive: Archive
) -> None:
    """By the manual the first point is of the first value; ecCodes and GDAL mirror values, not places."""
    [field] = FILES[name]
    plane = Proj(FIELDS["lambert"][1])
    x, y = plane(
        field.keys["longitudeOfFirstGridPointInDegrees"], field.keys["latitudeOfFirstGridPointInDegrees"]
    )
    rows, columns = np.indices(SHAPE)
    east = x + 170_000 * columns * (-1 if name == "backwards" else 1)
    north = y + 145_000 * rows * (-1 if name == "downwards" else 1)
    tree = cKDTree(np.stack([east.ravel() / 170_000, north.ravel() / 145_000], axis=-1))
    [(grid, found)] = seen(archive, files[name])
    x, y = plane(*np.meshgrid(grid.x, grid.y))
    _, nearest = tree.query(np.stack([x / 170_000, y / 145_000], axis=-1))
    known = np.isfinite(found)
    np.testing.assert_allclose(found[known], field.values()[nearest[known]], atol=1e-4)
    assert known.sum() > 700


def test_components_along_the_grid_are_told(files: dict[str, Path], archive: Archive) -> None:
    [wind] = archive.ingest(files["wind"])
    assert wind["assets"]["10u"]["eocene:along_grid"] is True
    [other] = archive.ingest(files["lambert"])
    assert "eocene:along_grid" not in other["assets"]["2t"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("turned", "turned"),
        ("flat", "metres apart"),
        ("unshaped", "no projected grid"),
        ("coneless", "no projected grid"),
        ("beyond", "beyond its projection"),
    ],
)
def test_what_makes_no_grid_is_refused(name: str, why: str, files: dict[str, Path], archive: Archive) -> None:
    with pytest.raises((InputError, DamageError), match=rf"{name}\.grib.*{why}"):
        archive.ingest(files[name])
