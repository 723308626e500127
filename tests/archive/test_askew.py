"""GeoTIFFs that are rotated, upside down or only tied to the ground, beside GDAL and plain geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

import eocene
from eocene.model import InputError, transformer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = (300, 400)
CORNER = Affine.translation(500_000, 5_300_000)
ROTATED = {
    "turned": CORNER @ Affine.rotation(17) @ Affine.scale(10, -10),
    "turned and oblong": CORNER @ Affine.rotation(-60) @ Affine.scale(12, -9),
    "sheared": CORNER @ Affine.shear(12, 0) @ Affine.scale(10, -10),
    "south up": CORNER @ Affine.scale(10, 10),
}


def make_image() -> NDArray[np.uint32]:
    """Return an image whose pixels all differ, so that a wrong one is seen; float32 holds them all."""
    numbers = np.random.default_rng(3).permutation(SHAPE[0] * SHAPE[1]) + 1
    return numbers.reshape(SHAPE).astype(np.uint32)


def write(path: Path, image: NDArray[Any], **form: Any) -> Path:
    height, width = image.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=1, dtype=image.dtype, **form
    ) as file:
        file.write(image, 1)
    return path


def load(folder: Path, path: Path) -> Any:
    """Ingest a file and return it as a cube on its map grid."""
    with eocene.open(folder / "workspace") as workspace:
        [item] = workspace.ingest(path, collection="askew", datetime="2024-05-01")
        assert next(iter(item.assets.values())).extra_fields["eocene:askew"] is True
        return workspace.load("askew").load()[0, 0]


def transform_of(cube: Any) -> Affine:
    step = float(cube.x[1] - cube.x[0])
    return Affine(step, 0, float(cube.x[0]) - step / 2, 0, -step, float(cube.y[0]) + step / 2)


@pytest.mark.parametrize("name", ROTATED)
def test_a_rotated_image_has_the_pixels_that_gdal_gives_it(tmp_path: Path, name: str) -> None:
    image = make_image()
    path = write(tmp_path / "image.tif", image, crs="EPSG:32632", transform=ROTATED[name], nodata=0)
    found = load(tmp_path, path)
    with (
        rasterio.open(path) as file,
        WarpedVRT(
            file, crs="EPSG:32632", transform=transform_of(found), width=found.sizes["x"],
            height=found.sizes["y"], resampling=Resampling.nearest, tolerance=1e-6, nodata=0,
        ) as warped,
    ):  # fmt: skip
        expected = warped.read(1)
    mine = np.nan_to_num(found.values)
    assert (mine == expected).mean() >= 0.99999
    assert np.isin(image, mine).mean() > 0.5, "no more than the corners of pixels are passed over"


def bend(column: Any, row: Any) -> tuple[Any, Any]:
    """Return where a pixel of a bent image lies: longitude and latitude."""
    x = 10 + 4e-4 * column + 1e-4 * row + 5e-8 * column * row
    y = 60 - 2e-4 * row + 5e-5 * column + 4e-8 * row * row
    return x, y


def tie(step: int) -> list[GroundControlPoint]:
    """Return points at every few rows and columns of the bent image."""
    places = [(r, c) for r in range(0, SHAPE[0] + 1, step) for c in range(0, SHAPE[1] + 1, step)]
    return [GroundControlPoint(r, c, *bend(c, r)) for r, c in places]


def test_an_image_with_tie_points_lies_where_they_say(tmp_path: Path) -> None:
    """Each pixel of the map is the pixel of the image whose place, computed forwards, is the nearest."""
    image = make_image()
    path = write(tmp_path / "bent.tif", image, gcps=tie(20), crs="EPSG:4326", nodata=0)
    found = load(tmp_path, path)
    rows, columns = np.indices(SHAPE)
    to_map = transformer(4326, int(found.spatial_ref.attrs["epsg"]))
    where = {int(v): (r, c) for v, r, c in zip(image.ravel(), rows.ravel(), columns.ravel(), strict=True)}
    values = found.values
    covered = np.argwhere(~np.isnan(values))
    assert len(covered) > 0.5 * image.size
    errors = []
    for i, j in covered[:: len(covered) // 500]:
        row, column = where[int(values[i, j])]
        steps = [to_map.transform(*bend(column + right, row + down)) for down in (0, 1) for right in (0, 1)]
        xs, ys = zip(*steps, strict=True)
        x, y = float(found.x[j]), float(found.y[i])
        errors.append(max(min(xs) - x, x - max(xs), min(ys) - y, y - max(ys), 0))
    assert max(errors) < 0.05, "metres beside the outline of the image's own pixel"


def test_an_image_whose_numbers_are_all_data_is_no_data_beside_itself(tmp_path: Path) -> None:
    image = np.full(SHAPE, 7, np.float32)
    path = write(tmp_path / "image.tif", image, crs="EPSG:32632", transform=ROTATED["turned"])
    found = load(tmp_path, path)
    assert set(np.unique(found.values[~np.isnan(found.values)])) == {7.0}
    share = SHAPE[0] * SHAPE[1] / found.size
    assert np.isfinite(found.values).mean() == pytest.approx(share, abs=0.01)


def test_points_that_fold_the_image_are_refused_by_name(tmp_path: Path) -> None:
    points = tie(100)
    points[5].x, points[5].y = 0.0, 0.0
    path = write(tmp_path / "folded.tif", make_image(), gcps=points, crs="EPSG:4326")
    with pytest.raises(InputError, match=r"folded\.tif.*tie points"):
        load(tmp_path, path)


def test_real_scenes_with_tie_points_only_lie_where_thin_plates_put_them(
    tmp_path: Path, real_data: Path
) -> None:
    """GDAL bends a thin plate through all points; between them the two differ by a fraction of a pixel."""
    path = next((real_data / "seaice-s1-drift").glob("S1A*.tif"))
    found = load(tmp_path, path)
    with rasterio.open(path) as file:
        points, crs = file.gcps
        image = file.read(1)
    tps = rasterio.transform.GCPTransformer(points, tps=True)
    to_degrees = transformer(int(found.spatial_ref.attrs["epsg"]), crs.to_epsg())
    random = np.random.default_rng(0)
    inside = np.argwhere(np.isfinite(found.values) & (found.values > 0))
    agree, count = 0, 300
    for i, j in inside[random.integers(0, len(inside), count)]:
        row, column = tps.rowcol(*to_degrees.transform(float(found.x[j]), float(found.y[i])), op=float)
        near = image[max(0, int(row) - 1) : int(row) + 2, max(0, int(column) - 1) : int(column) + 2]
        agree += bool((near == found.values[i, j]).any())
    assert agree / count > 0.97
