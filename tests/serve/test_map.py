"""Tiles, series, legends and features show what is in the files."""

from __future__ import annotations

import io
import math
from datetime import datetime

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.warp import Resampling, reproject, transform
from tests.serve.conftest import make_ndvi, read_error

from eocene.archive import Archive, Search
from eocene.jobs import Layer, Layers, describe_extent
from eocene.process import make_plan

SOURCE = {"process_id": "load_collection", "arguments": {"temporal_extent": None, "spatial_extent": None}}
CLASSES = [{"value": n, "name": f"class {n}", "color": f"#{n:02x}{255 - n:02x}80"} for n in range(1, 32)]


def load(collection, bands):
    graph = {
        "process_id": "load_collection",
        "arguments": SOURCE["arguments"] | {"id": collection, "bands": bands},
    }
    return {"load": graph | {"result": True}}


@pytest.fixture(scope="module")
def layers(workspace, extent):
    store, archive = Layers(workspace), Archive(workspace)

    def put(name, graph, style):
        process = {"process_graph": graph}
        store.put(
            Layer(name, name, process=process, style=style, **describe_extent(make_plan(graph, archive)))
        )

    continuous = {"kind": "continuous", "bands": ["NDVI"], "min": 0, "max": 1, "colormap": "ndvi"}
    put("ndvi", make_ndvi(extent), continuous)
    put(
        "red", load("sentinel-2-l2a", ["B04"]), {"kind": "continuous", "bands": ["B04"], "min": 0, "max": 0.3}
    )
    put(
        "rgb",
        load("sentinel-2-l2a", ["B02", "B03", "B04"]),
        {"kind": "rgb", "bands": ["B04", "B03", "B02"], "max": 0.3},
    )
    put(
        "cover", load("reference", ["classes"]), {"kind": "classes", "bands": ["classes"], "classes": CLASSES}
    )
    store.put(Layer("parcels", "Parcels", kind="vector", source="parcels"))
    archive.catalogue.close()
    store.close()


@pytest.fixture(scope="module")
def items(workspace):
    archive = Archive(workspace)
    found = {
        name: archive.catalogue.search(Search(collections=(name,)))
        for name in ("sentinel-2-l2a", "reference")
    }
    archive.catalogue.close()
    return found


def find_tile(item, zoom):
    """Return column, row and Web Mercator bounds of the tile in the middle of an item."""
    west, south, east, north = item["bbox"]
    lon, lat = (west + east) / 2, math.radians((south + north) / 2)
    x = int((lon + 180) / 360 * 2**zoom)
    y = int((1 - math.asinh(math.tan(lat)) / math.pi) / 2 * 2**zoom)
    half = math.pi * 6378137
    size = 2 * half / 2**zoom
    return x, y, (-half + x * size, half - y * size, size / 256)


def read_tile(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    image = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert image.shape == (256, 256, 4)
    return image


def test_a_tile_of_classes_has_the_colours_that_gdal_puts_there(server, layers, items):
    item = items["reference"][0]
    x, y, (west, north, step) = find_tile(item, 15)
    image = read_tile(server.get(f"/tiles/cover/15/{x}/{y}.png"))
    expected = np.zeros((256, 256), np.uint8)
    with rasterio.open(item["assets"]["classes"]["href"]) as raster:
        reproject(
            rasterio.band(raster, 1),
            expected,
            dst_transform=rasterio.Affine(step, 0, west, 0, -step, north),
            dst_crs="EPSG:3857",
            resampling=Resampling.nearest,
            tolerance=1e-6,
        )
    known = expected > 0
    assert known.mean() > 0.2
    colours = np.array([[n, 255 - n, 0x80, 255] for n in range(256)], np.uint8)
    agree = (image[known] == colours[expected[known]]).all(axis=-1)
    assert agree.mean() > 0.99


def test_a_tile_outside_is_transparent_and_one_off_the_map_is_unknown(server, layers):
    assert not read_tile(server.get("/tiles/ndvi/12/0/0.png"))[..., 3].any()
    assert read_error(server.get("/tiles/ndvi/3/8/0.png")) == (404, "NotFound")
    assert read_error(server.get("/tiles/ndvi/99/0/0.png")) == (404, "NotFound")
    assert read_error(server.get("/tiles/nothing/3/0/0.png")) == (404, "ServiceNotFound")
    assert read_error(server.get("/tiles/parcels/3/0/0.png")) == (404, "NotFound")


def test_a_tile_that_has_not_changed_is_not_sent_again(server, layers, items):
    x, y, _ = find_tile(items["sentinel-2-l2a"][0], 14)
    first = server.get(f"/tiles/rgb/14/{x}/{y}.png")
    assert read_tile(first)[..., 3].any()
    assert "max-age" in first.headers["cache-control"]
    again = server.get(f"/tiles/rgb/14/{x}/{y}.png", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_every_time_of_a_layer_can_be_drawn_and_no_other(server, layers, extent):
    shown = next(layer for layer in server.get("/layers").json() if layer["id"] == "ndvi")
    assert shown["times"] == sorted(shown["times"])
    assert len(shown["times"]) > 1
    x, y, _ = find_tile({"bbox": shown["bounds"]}, 15)
    drawn = set()
    for time in shown["times"]:
        address = shown["tiles"].format(z=15, x=x, y=y, time=time)
        drawn.add(server.get(address).content)
    assert len(drawn) > 1
    for other in (shown["times"][0][:10], shown["times"][0].replace("Z", ".000+00:00")):
        first, same = (
            server.get(f"/tiles/ndvi/15/{x}/{y}.png", params={"time": time})
            for time in (shown["times"][0], other)
        )
        assert same.content == first.content
    assert read_error(server.get(f"/tiles/ndvi/15/{x}/{y}.png?time=1999-01-01")) == (404, "NotFound")


def test_a_series_equals_the_pixels_in_the_files(server, layers, items, extent):
    lon, lat = (extent["west"] + extent["east"]) / 2, (extent["south"] + extent["north"]) / 2
    series = server.get(f"/series/red?lon={lon}&lat={lat}").json()
    expected = {}
    for item in items["sentinel-2-l2a"]:
        asset = item["assets"]["B04"]
        with rasterio.open(asset["href"]) as raster:
            (x,), (y,) = transform("EPSG:4326", raster.crs, [lon], [lat])
            row, col = raster.index(x, y)
            if 0 <= row < raster.height and 0 <= col < raster.width and raster.crs.to_epsg() == 32632:
                stored = int(raster.read(1)[row, col])
                day = datetime.fromisoformat(item["properties"]["datetime"]).date().isoformat()
                value = stored * asset["raster:scale"] + asset["raster:offset"]
                expected[day] = None if stored == asset["nodata"] else value
    found = {time[:10]: value for time, value in zip(series["times"], series["values"]["B04"], strict=True)}
    assert expected.keys() <= found.keys()
    for day, value in expected.items():
        assert found[day] == (value if value is None else pytest.approx(value, abs=1e-6))


@pytest.mark.parametrize("query", ["lon=0&lat=0", "lon=200&lat=0", "lon=nan&lat=1", "lon=1", "lon=a&lat=b"])
def test_a_series_elsewhere_or_nowhere_is_refused(server, layers, query):
    status, code = read_error(server.get(f"/series/red?{query}"))
    assert (status, code) in [(404, "NotFound"), (400, "InvalidParameterValue")]
    assert (status == 404) == (query == "lon=0&lat=0")


def test_legends_say_what_colours_mean(server, layers):
    classes = server.get("/layers/cover/legend").json()["classes"]
    assert classes[0] == {"value": 1, "name": "class 1", "color": "#01fe80"}
    stops = server.get("/layers/ndvi/legend").json()["stops"]
    assert (stops[0]["value"], stops[-1]["value"]) == (0, 1)


def test_features_come_as_geojson_in_degrees(server, layers):
    shown = next(layer for layer in server.get("/layers").json() if layer["id"] == "parcels")
    assert shown["kind"] == "vector"
    collection = server.get(shown["data"]).json()
    assert collection["type"] == "FeatureCollection"
    assert len(collection["features"]) == collection["numberMatched"] > 0
    lon, lat = np.array(collection["features"][0]["geometry"]["coordinates"][0]).reshape(-1, 2)[0]
    assert 5 < lon < 20
    assert 45 < lat < 55
    assert len(server.get(f"{shown['data']}?limit=1").json()["features"]) == 1


@pytest.mark.parametrize(
    ("configuration", "code"),
    [
        ({"sparkle": 1}, "ServiceConfigUnsupported"),
        ({"kind": "pretty"}, "ServiceConfigInvalid"),
        ({"colormap": "jet"}, "ServiceConfigInvalid"),
        ({"min": "low"}, "ServiceConfigInvalid"),
        ({"classes": [{"value": 1, "color": "red;"}]}, "ServiceConfigInvalid"),
    ],
)
def test_wrong_services_are_refused_and_not_stored(server, layers, extent, configuration, code):
    before = server.get("/layers").json()
    body = {"type": "XYZ", "process": {"process_graph": make_ndvi(extent)}, "configuration": configuration}
    assert read_error(server.post("/openeo/1.2/services", body)) == (400, code)
    assert read_error(server.post("/openeo/1.2/services", body | {"type": "WMS"})) == (
        400,
        "ServiceUnsupported",
    )
    assert server.get("/layers").json() == before
