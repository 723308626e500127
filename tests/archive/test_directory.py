"""Directories of TIFF files: what files agree in is read once, what they differ in never."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from eocene.archive.tiff import directory
from eocene.archive.tiff.directory import read_images

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.archive.tiff.image import TiffImage

PROFILE: dict[str, Any] = {
    "driver": "GTiff", "width": 300, "height": 200, "count": 1, "dtype": "uint16", "crs": "EPSG:32633",
    "tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate",
    "transform": from_origin(600000, 5100000, 10, 10),
}  # fmt: skip


def write(path: Path, seed: int, **options: Any) -> Path:
    profile = PROFILE | options
    shape = profile["count"], profile["height"], profile["width"]
    values = np.random.default_rng(seed).integers(0, 200, shape).astype(profile["dtype"])
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(values)
        dataset.build_overviews([2, 8])
    return path


def places(image: TiffImage) -> tuple[list[int], list[int]]:
    return image.offsets.tolist(), image.lengths.tolist()


def test_files_that_differ_in_their_tiles_alone_share_what_is_said_of_their_images(tmp_path: Path) -> None:
    first, second = (read_images(write(tmp_path / f"{n}.tif", n)) for n in (1, 2))
    assert len(first) == 3
    for one, other in zip(first, second, strict=True):
        assert one.form is other.form
        assert places(one) != places(other)


@pytest.mark.parametrize(
    "options",
    [
        {"nodata": 3},
        {"dtype": "int16"},
        {"compress": "lzw"},
        {"blockxsize": 128},
        {"transform": from_origin(600010, 5100000, 10, 10)},
        {"crs": "EPSG:32632"},
        {"ENDIANNESS": "BIG"},
        {"BIGTIFF": "YES"},
        {"count": 2},
        {"width": 301},
    ],
)
@pytest.mark.parametrize("remembered", [1024, 0])
def test_what_is_remembered_of_others_changes_nothing(
    tmp_path: Path, options: dict[str, Any], remembered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "other.tif", 1, **options)
    directory._read_table.cache_clear()
    directory._read_form.cache_clear()
    fresh = read_images(path)
    directory._read_table.cache_clear()
    directory._read_form.cache_clear()
    usual = read_images(write(tmp_path / "usual.tif", 1))
    monkeypatch.setattr(directory, "_KNOWN_BYTES", remembered)
    found = read_images(path)
    assert found[0].form is not usual[0].form or "BIGTIFF" in options  # these differ in their places alone
    for one, other in zip(found, fresh, strict=True):
        assert places(one) == places(other)
        for field in fields(one.form):
            assert getattr(one.form, field.name) == getattr(other.form, field.name), field.name


def test_long_directories_are_not_remembered(tmp_path: Path) -> None:
    path = write(tmp_path / "many.tif", 1, count=5000, width=16, height=16, blockxsize=16, blockysize=16)
    before = directory._read_form.cache_info().currsize
    images = read_images(path)
    assert images[0].form.stored[277] == (5000,)
    assert images[0].form.stored[258] == (16,) * 5000
    assert directory._read_form.cache_info().currsize == before
    assert images[0].form is not read_images(path)[0].form
