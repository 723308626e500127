"""Sentinel-1 GRD products: the items that are made of them, and what their files promise."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from shapely.geometry import shape
from tests.archive.readers.sentinel1_safe import SCENE, SmallProduct, write_safe

import eocene
from eocene.archive import Archive
from eocene.archive.product import IngestOptions
from eocene.archive.readers import sentinel1
from eocene.model import DamageError, InputError, Layout
from eocene.model.grid import Grid, transformer
from eocene.testing.readers import ReaderContract, check_stac

if TYPE_CHECKING:
    from pathlib import Path

REAL = "S1B_IW_GRDH_1SDV_20210401T052623_20210401T052648_026269_032297_ECC8"
GOLDEN = {
    "sar:frequency_band": "C",
    "sar:center_frequency": 5.405,
    "sar:observation_direction": "right",
    "sar:instrument_mode": "IW",
    "sar:polarizations": ["VV", "VH"],
    "sar:product_type": "GRD",
    "sar:resolution_range": 20,
    "sar:resolution_azimuth": 22,
    "sar:pixel_spacing_range": 10,
    "sar:pixel_spacing_azimuth": 10,
    "sar:looks_range": 5,
    "sar:looks_azimuth": 1,
    "sar:looks_equivalent_number": 4.4,
    "sat:platform_international_designator": "2016-025A",
    "sat:orbit_state": "descending",
    "sat:absolute_orbit": 26269,
    "sat:relative_orbit": 168,
    "platform": "sentinel-1b",
    "constellation": "sentinel-1",
    "start_datetime": "2021-04-01T05:26:23.794457Z",
    "end_datetime": "2021-04-01T05:26:48.793373Z",
    "datetime": "2021-04-01T05:26:36.293915Z",
    "s1:instrument_configuration_ID": "1",
    "s1:datatake_id": "205463",
    "s1:product_timeliness": "NRT-3h",
    "s1:processing_level": "1",
    "s1:resolution": "high",
    "s1:slice_number": "7",
    "s1:total_slices": "12",
}
"""What stactools-sentinel1 0.8.1 says of the real product, of the properties that both have."""
GOLDEN_ASSETS = {"safe-manifest", "schema-product-vh", "schema-product-vv", "vh", "vv"}
GOLDEN_FOOTPRINT = [
    (12.040968, 45.614502),
    (8.772268, 46.011879),
    (9.086069, 47.512238),
    (12.446052, 47.11525),
]


class TestSentinel1(ReaderContract):
    reader = sentinel1.READER

    def make_product(self, folder: Path) -> Path:
        # Without the checksums of the manifest, which would find most damage before anything else does.
        return write_safe(folder, SmallProduct(shape=(60, 70), checksums=False))


class TestZippedSentinel1(ReaderContract):
    reader = sentinel1.READER
    damages = 60

    def make_product(self, folder: Path) -> Path:
        return zip_safe(write_safe(folder / "unpacked", SmallProduct(shape=(60, 70))), folder)


def zip_safe(safe: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    archive = shutil.make_archive(str(folder / safe.stem), "zip", safe.parent, safe.name)
    return folder / f"{safe.stem}.zip" if archive else folder


def read_item(product: Path) -> dict[str, Any]:
    ((_, items),) = sentinel1.read_product(product, IngestOptions())
    (item,) = items
    return item


@pytest.fixture
def archive(tmp_path: Path) -> Any:
    archive = Archive(Layout(tmp_path / "workspace"))
    yield archive
    archive.close()


def test_the_item_of_a_real_product_says_what_the_golden_one_says(real_data: Path) -> None:
    item = read_item(real_data / "safe-xarray-sentinel" / f"{REAL}.SAFE")
    check_stac(item)
    assert item["id"] == REAL
    assert {key: item["properties"].get(key) for key in GOLDEN} == GOLDEN
    assert item["assets"].keys() >= GOLDEN_ASSETS
    assert {key for key in item["assets"] if key not in GOLDEN_ASSETS} == set()


def test_the_footprint_of_a_real_product_is_where_its_tie_points_are(real_data: Path) -> None:
    # The manifest's corners are computed at one height; tie points stand on the Alps, up to 1.5 km off.
    item = read_item(real_data / "safe-xarray-sentinel" / f"{REAL}.SAFE")
    drawn, golden = shape(item["geometry"]), shapely.Polygon(GOLDEN_FOOTPRINT)
    assert drawn.intersection(golden).area / drawn.union(golden).area > 0.98
    assert shapely.hausdorff_distance(drawn, golden) < 0.02


def test_the_map_of_a_real_product_is_in_its_zone_at_its_spacing(real_data: Path) -> None:
    item = read_item(real_data / "safe-xarray-sentinel" / f"{REAL}.SAFE")
    for asset in (item["assets"]["vv"], item["assets"]["vh"]):
        assert asset["proj:code"] == "EPSG:32632"
        assert asset["proj:transform"][0] == 10.0
        assert asset["file:size"] == 860823380
        assert asset["file:checksum"].startswith("d50110")
    assert item["properties"]["processing:software"] == {"Sentinel-1 IPF": "003.31"}


def test_every_pixel_of_an_item_lies_in_its_box(tmp_path: Path, archive: Archive) -> None:
    (item,) = archive.ingest(write_safe(tmp_path))
    raster = archive.open_raster(item["assets"]["vv"])
    grid = raster.levels[0]
    rows, columns = np.nonzero(np.isfinite(raster.read(grid)))
    longitude, latitude = transformer(grid.epsg, 4326).transform(grid.x[columns], grid.y[rows])
    west, south, east, north = item["bbox"]
    half = 1e-6
    assert west - half <= longitude.min() <= longitude.max() <= east + half
    assert south - half <= latitude.min() <= latitude.max() <= north + half


def test_a_zipped_product_gives_the_same_pixels(tmp_path: Path, archive: Archive) -> None:
    safe = write_safe(tmp_path / "unpacked")
    (item,) = archive.ingest(safe)
    raster = archive.open_raster(item["assets"]["vh"])
    plain = raster.read(raster.levels[0])
    (zipped,) = archive.ingest(zip_safe(safe, tmp_path))
    assert zipped["id"] == item["id"] == SCENE
    raster = archive.open_raster(zipped["assets"]["vh"])
    np.testing.assert_array_equal(raster.read(raster.levels[0]), plain)


def test_a_real_product_without_its_pixels_is_refused_and_the_file_is_named(
    real_data: Path, archive: Archive
) -> None:
    with pytest.raises(DamageError, match=r"s1b-iw-grd-vv-.*\.tiff.* does not exist"):
        archive.ingest(real_data / "safe-xarray-sentinel" / f"{REAL}.SAFE")


@pytest.mark.parametrize(
    ("epsg", "corner", "expected"),
    [(32601, (166_500.0, 200_000.0), (32601, 32660)), (3413, (200_000.0, -300_000.0), (3413,))],
    ids=["antimeridian", "pole"],
)
def test_scenes_across_the_antimeridian_and_at_the_pole_are_loaded_whole(
    epsg: int, corner: tuple[float, float], expected: tuple[int, ...], tmp_path: Path
) -> None:
    product = SmallProduct(shape=(90, 120), polarisations=("hh",), epsg=epsg, corner=corner)
    with eocene.open(tmp_path / "workspace") as workspace:
        (item,) = workspace.ingest(write_safe(tmp_path, product))
        assert item.properties["proj:code"] in [f"EPSG:{code}" for code in expected]
        cube = workspace.load("sentinel-1-grd")
        share = np.isfinite(cube.values).sum() / np.count_nonzero(product.numbers["hh"])
        assert share == pytest.approx(1.0, abs=0.15)  # as large as the image, scale and edges aside
        if epsg == 32601:
            assert item.bbox[0] > item.bbox[2]


def test_a_product_without_its_tables_is_refused_and_the_file_is_named(
    tmp_path: Path, archive: Archive
) -> None:
    safe = write_safe(tmp_path)
    gone = next((safe / "annotation" / "calibration").glob("calibration-*-vv-*"))
    gone.unlink()
    with pytest.raises(DamageError, match=gone.name):
        archive.ingest(safe)


def test_one_flipped_bit_in_the_pixels_is_found_by_the_checksum_of_the_manifest(
    tmp_path: Path, archive: Archive
) -> None:
    measurement = next((write_safe(tmp_path) / "measurement").glob("*-vh-*"))
    content = bytearray(measurement.read_bytes())
    content[len(content) // 2] ^= 1
    measurement.write_bytes(content)
    with pytest.raises(DamageError, match=measurement.name):
        archive.ingest(measurement.parents[1])


def test_a_measurement_of_another_size_than_told_is_refused(tmp_path: Path, archive: Archive) -> None:
    safe = write_safe(tmp_path / "a")
    other = write_safe(tmp_path / "b", SmallProduct(shape=(140, 181)))
    for measurement in (other / "measurement").iterdir():
        shutil.copy(measurement, safe / "measurement" / measurement.name)
    with pytest.raises(DamageError, match="its annotation tells"):
        archive.ingest(safe)


def test_a_manifest_cannot_name_files_outside_of_its_product(tmp_path: Path, archive: Archive) -> None:
    safe = write_safe(tmp_path)
    text = (safe / "manifest.safe").read_text()
    (safe / "manifest.safe").write_text(text.replace("./measurement/", "../other/measurement/"))
    with pytest.raises((InputError, DamageError), match="SAFE"):
        archive.ingest(safe)


def test_slant_range_products_are_refused_with_a_remedy(tmp_path: Path, archive: Archive) -> None:
    safe = write_safe(tmp_path)
    for file in (safe / "annotation").glob("*.xml"):
        file.write_text(file.read_text().replace("Ground Range", "Slant Range"))
    with pytest.raises(InputError, match="SLC"):
        archive.ingest(safe)


def test_a_window_far_from_the_image_holds_no_data(tmp_path: Path, archive: Archive) -> None:
    (item,) = archive.ingest(write_safe(tmp_path))
    raster = archive.open_raster(item["assets"]["vv"])
    full = raster.levels[0]
    corner = Grid(full.lattice, full.left, full.top, 3, 3)
    assert np.isnan(raster.read(corner)).all()
