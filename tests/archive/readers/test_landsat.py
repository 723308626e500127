"""Landsat Collection 2: the same item from each form of its metadata, values by the guide's formulas."""

from __future__ import annotations

import math
import tarfile
import zipfile

import numpy as np
import pytest

import eocene
from eocene.archive.product import IngestOptions
from eocene.archive.readers import landsat
from eocene.model import DamageError, InputError
from eocene.testing.products.landsat import GSD, NORTH, SUN_ELEVATION, WEST, write_landsat
from eocene.testing.readers import ReaderContract


def _stored(seed=1, high=60_000):
    pixels = np.random.default_rng(seed).integers(1, high, (96, 128), np.uint16)
    pixels[:5] = 0
    return pixels


def _tar(product):
    path = product.with_suffix(".tar")
    with tarfile.open(path, "w") as stream:
        for file in sorted(product.iterdir()):
            stream.add(file, file.name)
    return path


def _zip(product):
    path = product.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as stream:
        for file in sorted(product.iterdir()):
            stream.write(file, f"{product.name}/{file.name}")
    return path


class TestLandsatFolder(ReaderContract):
    reader = landsat.READER

    def make_product(self, folder):
        return write_landsat(folder, {"SR_B4": _stored(), "QA_PIXEL": _stored(2)})


class TestLandsatFolderWithText(ReaderContract):
    reader = landsat.READER
    damages = 60

    def make_product(self, folder):
        return write_landsat(folder, {"SR_B4": _stored()}, form="txt")


class TestLandsatTar(ReaderContract):
    reader = landsat.READER
    damages = 60

    def make_product(self, folder):
        return _tar(write_landsat(folder, {"SR_B4": _stored()}))


@pytest.mark.parametrize("pack", [lambda product: product, _tar, _zip], ids=["folder", "tar", "zip"])
def test_surface_reflectance_and_temperature_are_as_the_guide_says(tmp_path, pack):
    images = {"SR_B4": _stored(1), "ST_B10": _stored(2), "QA_PIXEL": _stored(3)}
    with eocene.open(tmp_path / "workspace") as workspace:
        workspace.ingest(pack(write_landsat(tmp_path, images)))
        cube = workspace.load("landsat-c2-l2", bands=["SR_B4", "ST_B10", "QA_PIXEL"]).squeeze().compute()
    empty = images["SR_B4"] == 0
    expected = [
        np.where(empty, np.nan, images["SR_B4"] * 0.0000275 - 0.2),
        np.where(empty, np.nan, images["ST_B10"] * 0.00341802 + 149.0),
        np.where(images["QA_PIXEL"] == 1, np.nan, images["QA_PIXEL"]),
    ]
    for values, theirs, atol in zip(cube.values, expected, (1e-6, 1e-4, 0), strict=True):
        np.testing.assert_allclose(values, theirs, rtol=1e-6, atol=atol)
    assert (cube.x.values[0], cube.y.values[0]) == (WEST + GSD / 2, NORTH - GSD / 2)


def test_level_1_gives_reflectance_for_the_height_of_the_sun_and_radiance_of_thermal_bands(tmp_path):
    images = {"B4": _stored(1), "B10": _stored(2)}
    with eocene.open(tmp_path / "workspace") as workspace:
        workspace.ingest(write_landsat(tmp_path, images, level="L1TP"))
        cube = workspace.load("landsat-c2-l1", bands=["red", "B10"]).squeeze().compute()
    empty = images["B4"] == 0
    sine = math.sin(math.radians(SUN_ELEVATION))
    np.testing.assert_allclose(
        cube.values[0], np.where(empty, np.nan, (images["B4"] * 2e-5 - 0.1) / sine), atol=1e-6
    )
    np.testing.assert_allclose(
        cube.values[1], np.where(empty, np.nan, images["B10"] * 3.8e-4 + 0.1), rtol=1e-6
    )


def test_each_form_of_the_metadata_gives_the_same_item(tmp_path):
    items = []
    for form in ("json", "txt", "xml"):
        product = write_landsat(tmp_path / form, {"SR_B4": _stored(), "ST_B10": _stored()}, form=form)
        ((_, (item,)),) = landsat.read_product(product, IngestOptions())
        del item["assets"][f"mtl.{form}"]
        for asset in item["assets"].values():
            asset["href"] = asset["href"].replace(str(tmp_path / form), "")
        items.append(item)
    assert items[0] == items[1] == items[2]


def test_the_item_tells_scene_sun_and_quality_bits(tmp_path):
    product = write_landsat(tmp_path, {"SR_B4": _stored(), "QA_PIXEL": _stored()})
    ((_, (item,)),) = landsat.read_product(product, IngestOptions())
    assert item["id"] == "LC09_L2SP_013032_20240501_02_T1"
    expected = {
        "datetime": "2024-05-01T15:33:56.123456Z",
        "platform": "landsat-9",
        "eo:cloud_cover": 12.34,
        "view:sun_elevation": SUN_ELEVATION,
        "grid:code": "WRS2-013032",
        "proj:code": "EPSG:32618",
        "processing:software": {"LPGS": "16.4.0"},
    }
    assert expected.items() <= item["properties"].items()
    bits = item["assets"]["QA_PIXEL"]["classification:bitfields"]
    assert sum(field["length"] for field in bits) == 16
    assert [f["offset"] for f in bits] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14]
    assert next(f["offset"] for f in bits if f["name"] == "cloud") == 3


def test_collection_1_is_refused_with_what_to_do(tmp_path):
    product = write_landsat(tmp_path, {"SR_B4": _stored()}, form="txt")
    mtl = next(product.glob("*_MTL.txt"))
    mtl.write_text(mtl.read_text().replace("LANDSAT_METADATA_FILE", "L1_METADATA_FILE"))
    with pytest.raises(InputError, match=r"Collection 1, which USGS has replaced\. Fetch it in Collection 2"):
        list(landsat.read_product(product, IngestOptions()))


def test_a_tar_file_that_is_cut_off_is_refused(tmp_path, archive):
    packed = _tar(write_landsat(tmp_path, {"SR_B4": _stored()}))
    packed.write_bytes(packed.read_bytes()[:12_000])
    with pytest.raises(DamageError, match=r"LC09.*\.tar"):
        archive.ingest(packed)
