"""GeoTIFFs on a server: read in place as the same files are read here, their directories asked for once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eocene.archive import Archive
from eocene.archive.fetch.http_content import HttpContent
from eocene.archive.raster import COG
from eocene.archive.tiff.geotiff import GeotiffRaster
from eocene.model import Grid, Layout
from eocene.model.errors import DamageError, UnavailableError
from eocene.testing.faults import Fault, Faults, FaultServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path, products: Any) -> Path:
    (tmp_path / "files").mkdir()
    products.make_cog(tmp_path / "files/a.tif", products.random_pixels(500, 700), predictor="yes")
    return tmp_path / "files"


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    with FaultServer(folder) as serving:
        for name, value in serving.environment().items():
            monkeypatch.setenv(name, value)
        yield serving


def open_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """Return an archive as a new process has it: nothing but what lies in its folder is known."""
    from eocene.archive.fetch import door

    door._remembered.clear()
    return Archive(Layout(tmp_path / "workspace"))


def windows_of(grid: Grid) -> list[Grid]:
    part = Grid(
        grid.lattice, grid.left + 30, grid.top + 70, min(200, grid.width - 30), min(9, grid.height - 70)
    )
    return [grid, part]


def test_a_remote_file_is_read_as_the_same_file_here(
    folder: Path, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = open_archive(tmp_path, monkeypatch)
    far = archive.open_raster({"href": f"{server.url}/a.tif", "type": COG})
    near = GeotiffRaster(folder / "a.tif", {})
    assert (far.levels, far.dtype, far.nodata) == (near.levels, near.dtype, near.nodata)
    for level, grid in list(enumerate(near.levels))[:2]:
        for window in windows_of(grid):
            expected = near.read(window, level)
            np.testing.assert_array_equal(far.read(window, level), expected)
            fetched = far.fetch(far.missing(window, level))
            np.testing.assert_array_equal(far.read(window, level, None, fetched), expected)
    archive.close()


def test_the_second_time_no_request_is_made_for_a_header(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = {"href": f"{server.url}/a.tif", "type": COG}
    first = open_archive(tmp_path, monkeypatch)
    levels = first.open_raster(asset).levels
    assert server.requests == 1
    first.close()
    second = open_archive(tmp_path, monkeypatch)
    raster = second.open_raster(asset)
    assert server.requests == 1
    assert raster.levels == levels
    raster.read(levels[0])
    assert server.requests > 1
    second.close()


def test_a_file_that_has_changed_meanwhile_is_never_read_by_its_old_header(
    folder: Path, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, products: Any
) -> None:
    asset = {"href": f"{server.url}/a.tif", "type": COG}
    first = open_archive(tmp_path, monkeypatch)
    first.open_raster(asset)
    first.close()
    products.make_cog(folder / "a.tif", np.full((90, 80), 7, np.uint16))
    second = open_archive(tmp_path, monkeypatch)
    raster = second.open_raster(asset)
    with pytest.raises(DamageError, match="replaced"):
        raster.read(raster.levels[0])
    second.close()
    third = open_archive(tmp_path, monkeypatch)
    again = third.open_raster(asset)
    assert again.levels[0].shape == (90, 80)
    assert (again.read(again.levels[0]) == 7).all()
    third.close()


def test_an_index_that_is_broken_is_made_anew(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = {"href": f"{server.url}/a.tif", "type": COG}
    open_archive(tmp_path, monkeypatch).close()
    (tmp_path / "workspace/headers.sqlite").write_bytes(b"no database" * 1000)
    for _ in range(2):
        archive = open_archive(tmp_path, monkeypatch)
        assert archive.open_raster(asset).levels[0].shape == (500, 700)
        archive.close()
    assert server.requests <= 2


def test_passing_faults_change_no_pixel(
    folder: Path, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults = Faults(rate=0.3, drawn=[Fault("reset"), Fault("truncate"), Fault("status")], seed=3)
    archive = open_archive(tmp_path, monkeypatch)
    raster = archive.open_raster({"href": f"{server.url}/a.tif", "type": COG})
    near = GeotiffRaster(folder / "a.tif", {})
    np.testing.assert_array_equal(raster.read(raster.levels[0]), near.read(near.levels[0]))
    archive.close()


def test_tiles_that_two_windows_want_at_once_are_fetched_once(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    ask_many = HttpContent.ask_many
    monkeypatch.setattr(HttpContent, "ask_many", lambda self, r: asked.extend(r) or ask_many(self, r))
    archive = open_archive(tmp_path, monkeypatch)
    raster = archive.open_raster({"href": f"{server.url}/a.tif", "type": COG})
    grid = raster.levels[0]
    asked.clear()
    left, right = (Grid(grid.lattice, grid.left + at, grid.top, 150, 100) for at in (0, 100))
    held = [raster.fetch(raster.missing(part)) for part in (left, right)]
    assert len(asked) == len(set(asked)) == len({number for tiles in held for number in tiles})
    archive.close()


def test_what_is_not_read_in_place_is_named(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = open_archive(tmp_path, monkeypatch)
    with pytest.raises(UnavailableError, match=r"a\.bin"):
        archive.open_raster({"href": f"{server.url}/a.bin", "type": "text/plain"})
    archive.close()


def test_what_is_stored_otherwise_is_read_by_gdal_through_the_door(
    folder: Path, server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, products: Any
) -> None:
    pixels = products.random_pixels(90, 80) % 4096
    products.make_cog(folder / "odd.tif", pixels, NBITS=12)
    archive = open_archive(tmp_path, monkeypatch)
    raster = archive.open_raster({"href": f"{server.url}/odd.tif", "type": COG})
    np.testing.assert_array_equal(raster.read(raster.levels[0]), pixels)
    archive.close()
