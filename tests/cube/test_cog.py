"""A GeoTIFF that is delivered holds what was meant, at every resolution, or is not delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio

from eocene.cube.cog import _check_written, write_cog
from eocene.cube.stored import StoredForm
from eocene.model import Grid, Lattice

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

GRID = Grid(Lattice(32632, (10.0, 10.0)), 60_000, -520_000, 701, 530)


def pixels(seed: int, dtype: str) -> NDArray[Any]:
    values = np.random.default_rng(seed).integers(1, 60_000, (2, *GRID.shape)).astype(dtype)
    if values.dtype.kind == "f":
        values[:, 100:200, 50:90] = np.nan
    return values


def reader(values: NDArray[Any]) -> Any:
    return lambda number, window: values[(number, *window.slices_in(GRID))]


@pytest.mark.parametrize(("dtype", "nodata"), [("uint16", 0.0), ("float32", float("nan"))])
def test_it_holds_every_pixel_and_overviews_of_them(tmp_path: Path, dtype: str, nodata: float) -> None:
    values = pixels(1, dtype)
    write_cog(tmp_path / "a.tif", GRID, StoredForm(np.dtype(dtype), nodata), ["one", "two"], reader(values))
    with rasterio.open(tmp_path / "a.tif") as file:
        np.testing.assert_array_equal(file.read(), values)
        assert file.overviews(1)
        assert file.descriptions == ("one", "two")


def test_overviews_of_other_pixels_are_noticed(tmp_path: Path) -> None:
    path, old, new = tmp_path / "a.tif", pixels(1, "uint16"), pixels(2, "uint16")
    write_cog(path, GRID, StoredForm(np.dtype("uint16"), 0.0), ["one", "two"], reader(old))
    with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK=True) as file:
        file.write(new)
    with pytest.raises(OSError, match="did not keep"):
        _check_written(path, GRID, 2, reader(new))


def test_pixels_that_are_not_those_that_were_meant_are_noticed(tmp_path: Path) -> None:
    path, values = tmp_path / "a.tif", pixels(1, "uint16")
    write_cog(path, GRID, StoredForm(np.dtype("uint16"), 0.0), ["one", "two"], reader(values))
    values[1, 400, 600] += 1
    with pytest.raises(OSError, match="did not keep"):
        _check_written(path, GRID, 2, reader(values))
