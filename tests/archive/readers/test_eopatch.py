"""EOPatch folders: pixels as numpy has them, and nothing but plain numbers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eocene
from eocene.archive.readers import eopatch
from eocene.model import DamageError, InputError
from eocene.testing.readers import ReaderContract

if TYPE_CHECKING:
    from pathlib import Path

TIMES = ["2024-05-01T10:00:00", "2024-05-06T10:00:00", "2024-05-11T10:00:00"]


def write_patch(folder: Path, **arrays: Any) -> Path:
    """Write an EOPatch as eo-learn does, of 40 × 50 pixels of 10 m."""
    random = np.random.default_rng(2)
    arrays = {
        "data/BANDS": random.random((3, 40, 50, 2)).astype(np.float32),
        "mask/CLM": random.random((3, 40, 50, 1)) < 0.3,
        "data_timeless/DEM": random.integers(0, 900, (40, 50, 1)).astype(np.int16),
    } | arrays
    patch = folder / "patch"
    for name, array in arrays.items():
        (patch / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(patch / f"{name}.npy", array, allow_pickle=array.dtype == object)
    ring = [[500000, 5000000], [500000, 5000400], [500500, 5000400], [500500, 5000000], [500000, 5000000]]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32633"}}
    (patch / "bbox.geojson").write_text(json.dumps({"crs": crs, "type": "Polygon", "coordinates": [ring]}))
    (patch / "timestamps.json").write_text(json.dumps(TIMES))
    return patch


class TestEOPatch(ReaderContract):
    reader = eopatch.READER

    def make_product(self, folder: Path) -> Path:
        return write_patch(folder)


def test_pixels_are_those_of_the_arrays(tmp_path: Path) -> None:
    patch = write_patch(tmp_path)
    with eocene.open(tmp_path / "workspace") as workspace:
        assert len(workspace.ingest(patch)) == len(TIMES) + 1
        cube = workspace.load("patch", bands=["BANDS_2", "CLM"]).load()
        dem = workspace.load("patch-timeless", bands=["DEM"]).load()
    assert cube.dims == ("t", "bands", "y", "x")
    assert [str(t)[:10] for t in cube.t.values] == [text[:10] for text in TIMES]
    assert (float(cube.x[0]), float(cube.y[0])) == (500005, 5000395)
    expected = np.load(patch / "data" / "BANDS.npy")[..., 1]
    np.testing.assert_array_equal(cube.sel(bands="BANDS_2").values, expected)
    np.testing.assert_array_equal(cube.sel(bands="CLM").values, np.load(patch / "mask" / "CLM.npy")[..., 0])
    np.testing.assert_array_equal(dem.values[0, 0], np.load(patch / "data_timeless" / "DEM.npy")[..., 0])


def test_a_real_patch_is_read_whole(tmp_path: Path, real_data: Path) -> None:
    patch = real_data / "eolearn-testeopatch" / "TestEOPatch"
    with eocene.open(tmp_path / "workspace") as workspace:
        workspace.ingest(patch)
        ndvi = workspace.load("TestEOPatch", bands=["NDVI"], datetime="2015-07-31").load()
        cover = workspace.load("TestEOPatch-timeless", bands=["LULC"]).load()
    np.testing.assert_array_equal(ndvi.values[0, 0], np.load(patch / "data" / "NDVI.npy")[1, ..., 0])
    np.testing.assert_array_equal(cover.values[0, 0], np.load(patch / "mask_timeless" / "LULC.npy")[..., 0])


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    patch = write_patch(tmp_path, **{"data/EVIL": np.array([[Trap()]], dtype=object)})
    with (
        eocene.open(tmp_path / "workspace") as workspace,
        pytest.raises(InputError, match=r"EVIL\.npy.*pickled objects"),
    ):
        workspace.ingest(patch)
    assert not Trap.sprung


class Trap:
    """An object whose pickle leaves a trace when it is loaded."""

    sprung = False

    def __reduce__(self) -> Any:
        return spring, ()


def spring() -> Trap:
    Trap.sprung = True
    return Trap()


def test_an_array_that_does_not_belong_to_the_timestamps_is_named(tmp_path: Path) -> None:
    patch = write_patch(tmp_path, **{"data/SHORT": np.zeros((2, 40, 50, 1), np.float32)})
    with (
        eocene.open(tmp_path / "workspace") as workspace,
        pytest.raises(InputError, match=r"SHORT\.npy.*has 2 steps"),
    ):
        workspace.ingest(patch)


def test_a_patch_of_an_old_eo_learn_is_refused_with_what_to_do(tmp_path: Path) -> None:
    patch = write_patch(tmp_path)
    (patch / "bbox.geojson").rename(patch / "bbox.pkl")
    with (
        eocene.open(tmp_path / "workspace") as workspace,
        pytest.raises(InputError, match="pickles") as refused,
    ):
        workspace.ingest(patch)
    assert "save it" in refused.value.remedy


def test_a_box_without_a_crs_is_damage(tmp_path: Path) -> None:
    patch = write_patch(tmp_path)
    (patch / "bbox.geojson").write_text('{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}')
    with (
        eocene.open(tmp_path / "workspace") as workspace,
        pytest.raises(DamageError, match=r"bbox\.geojson"),
    ):
        workspace.ingest(patch)
