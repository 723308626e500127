"""Values under a point and statistics in a polygon equal those of the pixels in the files."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from tests.serve.conftest import read_error
from tests.serve.test_tiles import layer  # noqa: F401

from eocene.process import make_plan

WIDTH_M = 300


@pytest.fixture(scope="module")
def cube(server, layer):  # noqa: F811
    """The layer's plan."""
    return make_plan(layer.graph, server.app.state.rooms.archive)


@pytest.fixture(scope="module")
def polygon(cube):
    """A slanted square in the middle of the layer, in its CRS."""
    west, south, east, north = cube.grid.bounds
    middle = shapely.Point((west + east) / 2 + 3, (south + north) / 2 + 3)
    return shapely.affinity.rotate(middle.buffer(WIDTH_M / 2, cap_style="square"), 20)


def to_degrees(geometry, epsg):
    change = Transformer.from_crs(epsg, 4326, always_xy=True).transform
    return shapely.transform(geometry, lambda p: np.stack(change(p[:, 0], p[:, 1]), axis=1))


def test_statistics_are_those_of_the_pixels_whose_centres_lie_inside(server, cube, polygon):
    document = shapely.geometry.mapping(to_degrees(polygon, cube.grid.epsg))
    answer = server.client.post("/series/tiled", json=document)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    west, south, east, north = polygon.bounds
    values = cube.read(cube.grid.lattice.grid_over((west, south, east, north), cube.grid.epsg))
    x, y = np.meshgrid(values.x, values.y)
    inside = shapely.contains_xy(polygon, x, y)
    assert shown["pixels"] == inside.sum() > 500
    pixels = values.sel(bands="B04").to_numpy()[:, inside].astype(np.float64)
    found = shown["statistics"]["B04"]
    assert found["count"] == np.isfinite(pixels).sum(axis=1).tolist()
    assert any(found["count"])
    for number, line in enumerate(pixels):
        some = line[np.isfinite(line)]
        wanted = (
            (some.min(), some.max(), some.mean(), np.median(some), some.std()) if some.size else [None] * 5
        )
        mine = [found[name][number] for name in ("min", "max", "mean", "median", "std")]
        assert mine == (wanted if not some.size else pytest.approx(wanted, rel=1e-6, abs=1e-9))


def test_a_point_as_geojson_has_the_values_of_its_series(server, cube, polygon):
    lon, lat = to_degrees(polygon.centroid, cube.grid.epsg).coords[0]
    series = server.get(f"/series/tiled?lon={lon}&lat={lat}").json()
    shown = server.client.post("/series/tiled", json={"type": "Point", "coordinates": [lon, lat]}).json()
    assert shown["pixels"] == 1
    assert shown["times"] == series["times"]
    means = [None if v is None else pytest.approx(v) for v in series["values"]["B04"]]
    assert shown["statistics"]["B04"]["mean"] == means
    expected = cube.read_point(lon, lat).sel(bands="B04").to_numpy()
    found = np.array([np.nan if v is None else v for v in series["values"]["B04"]], expected.dtype)
    assert np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize(
    ("document", "refused"),
    [
        ({"type": "Point", "coordinates": [0, 0]}, (404, "NotFound")),
        ({"type": "Polygon", "coordinates": []}, None),
        ({"type": "Hologram"}, None),
        ({"type": "FeatureCollection", "features": []}, (400, "InvalidParameterValue")),
        ({"type": "Point", "coordinates": [1e400, 0]}, None),
        ({}, None),
    ],
)
def test_what_is_no_place_in_the_layer_is_refused(server, layer, document, refused):  # noqa: F811
    import json

    text = json.dumps(document).encode()
    answer = server.client.post("/series/tiled", content=text, headers={"Content-Type": "application/json"})
    status, code = read_error(answer)
    assert 400 <= status < 500
    assert refused in (None, (status, code))


def test_more_than_fits_into_memory_is_refused(server, layer, cube, monkeypatch):  # noqa: F811
    monkeypatch.setattr("eocene.serve.series._MOST_BYTES", 1000)
    west, south, east, north = layer.bounds
    box = shapely.geometry.mapping(shapely.box(west, south, east, north))
    assert read_error(server.client.post("/series/tiled", json=box)) == (400, "ProcessGraphComplexity")
