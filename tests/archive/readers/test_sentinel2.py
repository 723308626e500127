"""Sentinel-2 SAFE: items as the golden ones, pixels as they were written, in folders and zip files."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

import eocene
from eocene.archive.product import IngestOptions
from eocene.archive.readers import sentinel2
from eocene.model import DamageError, InputError
from eocene.testing.products.sentinel2 import NORTH, WEST, write_safe
from eocene.testing.readers import ReaderContract

TREES = (
    "S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248.SAFE",
    "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825.SAFE",
    "esa_S2B_MSIL2A_20210122T133229_N0214_R081_T22HBD_20210122T155500.SAFE",
)

ARGUED = {  # field: (ours, the golden one's, why)
    "stac_version": ("1.1.0", "1.0.0 in one of three", "the current version, for all items"),
    "stac_extensions": ("those of 1.1", "older ones", "eo 2, projection 2 and raster 2 go with STAC 1.1"),
    "collection": ("sentinel-2-l1c or -l2a", "none", "every item of a catalogue belongs to a collection"),
    "proj:epsg": ("proj:code", "proj:epsg in one of three", "projection 2 replaced it"),
    "created": ("none", "when the test was written", "items follow from the product alone"),
    "proj:centroid": ("none", "of the footprint", "follows from the geometry"),
    "asset keys": ("B02, B02_20m, SCL", "blue, blue_20m, scl", "the agency's names; common names find them"),
    "eo:bands, raster:bands": ("bands and fields of the asset", "as in STAC 1.0", "STAC 1.1 merged them"),
    "gsd": ("of every image", "only of those with the plain name", "it is known of all"),
    "offset 0": ("left out", "0", "it is the default"),
    "vegetation's description": ("Vegetation", "Vegitation", "a slip of the pen"),
    "datastrip_metadata, inspire_metadata, preview": (
        "where the file is there", "always", "hrefs lead to files",
    ),
}  # fmt: skip


def _random(rows, columns=None, *, high=10_000, seed=1, dtype=np.uint16):
    return np.random.default_rng(seed).integers(1, high, (rows, columns or rows), dtype)


def _images():
    return {
        "B04": _random(120, seed=1),
        "B08": _random(120, seed=2),
        "SCL": _random(60, high=12, seed=3, dtype=np.uint8),
        "B04_20m": _random(60, seed=4),
        "B09": _random(20, seed=5),
        "TCI": np.stack([_random(120, high=255, seed=s, dtype=np.uint8) for s in (6, 7, 8)]),
    }


def _zip(safe, path, method):
    with zipfile.ZipFile(path, "w", method) as stream:
        for file in sorted(f for f in safe.rglob("*") if f.is_file()):
            stream.write(file, f"{safe.name}/{file.relative_to(safe)}")
    return path


class TestSentinel2Folder(ReaderContract):
    reader = sentinel2.READER

    def make_product(self, folder):
        return write_safe(folder, {"B04": _random(120), "SCL": _random(60, high=12, dtype=np.uint8)})


class TestSentinel2Zip(ReaderContract):
    reader = sentinel2.READER
    damages = 60

    def make_product(self, folder):
        safe = write_safe(folder / "unpacked", {"B04": _random(120)})
        return _zip(safe, folder / f"{safe.name}.zip", zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize("tree", TREES)
def test_items_of_real_products_equal_the_golden_ones_in_every_field_they_share(real_data, tree):
    folder = real_data / "stac-safe-sentinel2" / "tests" / "data-files" / tree
    golden = json.loads((folder / "expected_output.json").read_text())
    ((_, (item,)),) = sentinel2.read_product(folder, IngestOptions())
    assert {key: item[key] for key in ("type", "id", "links")} == {
        k: golden[k] for k in ("type", "id", "links")
    }
    np.testing.assert_allclose(item["bbox"], golden["bbox"], atol=1e-6)
    difference = shapely.symmetric_difference(shape(item["geometry"]), shape(golden["geometry"]))
    assert difference.area < 1e-5 * shape(golden["geometry"]).area
    shared = golden["properties"].keys() - ARGUED.keys()
    for field in shared:
        expected = golden["properties"][field]
        assert item["properties"][field] == (
            pytest.approx(expected, rel=1e-12) if isinstance(expected, float) else expected
        ), field


@pytest.mark.parametrize("tree", TREES)
def test_assets_of_real_products_equal_the_golden_ones(real_data, tree):
    folder = real_data / "stac-safe-sentinel2" / "tests" / "data-files" / tree
    golden = json.loads((folder / "expected_output.json").read_text())
    ((_, (item,)),) = sentinel2.read_product(folder, IngestOptions())
    ours = {asset["href"]: asset for asset in item["assets"].values()}
    absent = {"datastrip_metadata", "inspire_metadata", "preview"}
    theirs = {str(folder / a["href"]): a for key, a in golden["assets"].items() if key not in absent}
    assert ours.keys() == theirs.keys()
    for href, expected in theirs.items():
        for field in ("title", "type", "roles", "proj:shape", "proj:transform", "proj:bbox", "gsd"):
            if field in expected:
                assert ours[href][field] == expected[field], (href, field)
        for merged, band in _merge_bands(expected):
            assert merged.items() <= (ours[href] | band(ours[href])).items(), href


def _merge_bands(asset):
    """Yield each band of a golden asset as STAC 1.1 writes it, and how to find it in ours."""
    names = {"scale": "raster:scale", "offset": "raster:offset", "spatial_resolution": "gsd"}
    for band in asset.get("raster:bands", []):
        merged = {names.get(key, key): value for key, value in band.items() if (key, value) != ("offset", 0)}
        for entry in merged.get("classification:classes", []):
            entry["description"] = entry["description"].replace("Vegitation", "Vegetation")
        yield merged, lambda _: {}
    for number, band in enumerate(asset.get("eo:bands", [])):
        yield (
            {key if key == "name" else f"eo:{key}": value for key, value in band.items()},
            lambda ours, number=number: ours["bands"][number],
        )


@pytest.mark.parametrize(
    ("level", "baseline", "offset", "added"),
    [
        ("L2A", "02.14", None, 0),
        ("L2A", "03.01", None, 0),
        ("L2A", "04.00", -1000, -1000),
        ("L2A", "05.10", None, -1000),
        ("L1C", "02.09", None, 0),
        ("L1C", "05.10", -1000, -1000),
        ("L1C", "05.10", -750, -750),
    ],
)
def test_reflectance_is_stored_numbers_with_the_offset_of_the_baseline(
    tmp_path, level, baseline, offset, added
):
    stored = _random(120)
    stored[:7] = 0
    with eocene.open(tmp_path / "workspace") as workspace:
        workspace.ingest(write_safe(tmp_path, {"B04": stored}, level=level, baseline=baseline, offset=offset))
        cube = workspace.load(f"sentinel-2-{level.lower()}", bands=["B04"]).squeeze().compute()
    expected = np.where(stored == 0, np.nan, (stored.astype(np.float64) + added) / 10_000)
    np.testing.assert_allclose(cube.values, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("packing", ["folder", "stored", "deflated"])
def test_bands_of_all_resolutions_are_loaded_as_they_were_written(tmp_path, packing):
    images = _images()
    product = write_safe(tmp_path, images)
    if packing != "folder":
        method = zipfile.ZIP_STORED if packing == "stored" else zipfile.ZIP_DEFLATED
        product = _zip(product, tmp_path / "product.zip", method)
    with eocene.open(tmp_path / "workspace") as workspace:
        (item,) = workspace.ingest(product)
        assert list(item.assets)[:5] == ["B04", "B08", "B09", "SCL", "TCI"]
        cube = workspace.load("sentinel-2-l2a", bands=["B04", "B08", "SCL"]).squeeze().compute()
        rasters = {
            key: workspace.archive.open_raster(item.assets[key].to_dict()) for key in images if key != "TCI"
        }
        for key, raster in rasters.items():
            np.testing.assert_array_equal(raster.read(raster.levels[0]), images[key], err_msg=key)
    for number, band in enumerate(("B04", "B08")):
        np.testing.assert_allclose(cube.values[number], (images[band] - 1000.0) / 10_000, atol=1e-6)
    np.testing.assert_array_equal(cube.values[2], images["SCL"].repeat(2, axis=0).repeat(2, axis=1))
    assert (cube.x.values[0], cube.y.values[0]) == (WEST + 5, NORTH - 5)


def test_a_product_at_the_antimeridian_has_two_halves(real_data):
    folder = real_data / "stac-safe-sentinel2" / "tests" / "data-files" / TREES[1]
    ((_, (item,)),) = sentinel2.read_product(folder, IngestOptions())
    west, _, east, _ = item["bbox"]
    assert west > east
    assert item["geometry"]["type"] == "MultiPolygon"


def test_a_product_without_its_images_is_refused_by_the_name_of_the_first(real_data, archive):
    with pytest.raises(DamageError, match=r"T22HBD_20210122T133229_B01_60m\.jp2.*does not exist"):
        archive.ingest(real_data / "stac-safe-sentinel2" / "tests" / "data-files" / TREES[2])


@pytest.mark.parametrize("name", ["../../other/GRANULE/x_B04_10m", "../../../../etc/passwd_B04_10m"])
def test_an_image_outside_the_product_is_refused(tmp_path, archive, name):
    safe = write_safe(tmp_path, {"B04": _random(120)})
    metadata = safe / "MTD_MSIL2A.xml"
    granule = next((safe / "GRANULE").iterdir()).name
    text = metadata.read_text()
    start, stop = text.index("<IMAGE_FILE>"), text.index("</IMAGE_FILE>")
    metadata.write_text(f"{text[:start]}<IMAGE_FILE>GRANULE/{granule}/{name}{text[stop:]}")
    with pytest.raises((InputError, DamageError), match="no file of the product"):
        archive.ingest(safe)


def test_a_mean_azimuth_goes_round_north(tmp_path):
    safe = write_safe(tmp_path, {"B04": _random(120)})
    ((_, (item,)),) = sentinel2.read_product(safe, IngestOptions())
    assert item["properties"]["view:azimuth"] == pytest.approx(1.0)
    assert item["properties"]["view:incidence_angle"] == pytest.approx(5.0)
