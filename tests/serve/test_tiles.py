"""Tiles come in the format that suits them, are not drawn again in vain, and maps are told about them."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest
from PIL import Image
from tests.serve.conftest import read_error

from eocene.archive import Archive
from eocene.jobs import Layer, Layers, describe_extent
from eocene.process import make_plan
from eocene.serve.colours import draw
from eocene.serve.images import choose_type, encode

RAMP = {"kind": "continuous", "min": 0.0, "max": 10.0, "colormap": "gray"}


@pytest.fixture(scope="module")
def layer(workspace):
    """A layer of the simulated scenes, in the store of the server's workspace."""
    graph = {
        "load": {
            "process_id": "load_collection",
            "arguments": {
                "id": "sentinel-2-l2a", "spatial_extent": None, "temporal_extent": None, "bands": ["B04"],
            },
            "result": True,
        }
    }  # fmt: skip
    archive, store = Archive(workspace), Layers(workspace)
    extent = describe_extent(make_plan(graph, archive))
    style = {"kind": "continuous", "bands": ["B04"], "min": 0, "max": 0.3}
    kept = store.put(Layer("tiled", "Tiled", process={"process_graph": graph}, style=style, **extent))
    archive.catalogue.close()
    store.close()
    return kept


@pytest.fixture(scope="module")
def address(layer):
    """The tile in the middle of the layer, without an ending."""
    west, south, east, north = layer.bounds
    lon, lat = (west + east) / 2, np.radians((south + north) / 2)
    x, y = (lon + 180) / 360, (1 - np.arcsinh(np.tan(lat)) / np.pi) / 2
    return f"/tiles/tiled/12/{int(x * 4096)}/{int(y * 4096)}"


def paint(values, valid=None, style=RAMP):
    return draw(np.asarray(values)[None], None if valid is None else np.asarray(valid)[None], ["b"], style)


def test_values_become_the_colours_of_the_ramp_and_no_data_is_transparent():
    image = paint([[0.0, 5.0, 10.0, 99.0, -3.0, np.nan, np.inf]])
    assert image[0, :, 0].tolist() == [0, 128, 255, 255, 0, 0, 0]
    assert image[0, :, 3].tolist() == [255, 255, 255, 255, 255, 0, 0]
    assert paint([[5.0, 5.0]], [[True, False]])[0, :, 3].tolist() == [255, 0]
    assert paint(np.array([[5, 7]], np.uint16))[0, :, 0].tolist() == [128, 178]


def test_a_class_has_its_colour_only_where_there_is_data():
    classes = {"kind": "classes", "classes": [{"value": 0, "color": "#102030"}, {"value": 2}]}
    image = paint(np.array([[0, 0, 2, 3]], np.uint8), [[True, False, True, True]], classes)
    assert image[0, :, 3].tolist() == [255, 0, 255, 0]
    assert image[0, 0, :3].tolist() == [16, 32, 48]


def random_image(height, width, alpha):
    values = np.random.default_rng(height).integers(0, 255, (height, width, 4), np.uint8)
    values[..., 3] = alpha
    return values


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (256, 256)])
def test_another_decoder_reads_the_same_pixels_from_png_and_exact_webp(shape):
    image = random_image(*shape, 255)
    for media_type in ("image/png", "image/webp"):
        content = encode(image, media_type, exact=True)
        assert (np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")) == image).all()


def test_jpeg_shows_white_where_there_is_no_data():
    image = np.zeros((16, 16, 4), np.uint8)
    decoded = np.asarray(Image.open(io.BytesIO(encode(image, "image/jpeg"))))
    assert decoded.shape == (16, 16, 3)
    assert (decoded > 250).all()


def test_the_format_follows_transparency_and_what_the_client_reads():
    opaque, clear = random_image(4, 4, 255), random_image(4, 4, 0)
    assert choose_type(opaque, "image/webp", exact=False) == "image/jpeg"
    assert choose_type(clear, "image/webp,*/*", exact=False) == "image/webp"
    assert choose_type(clear, "*/*", exact=False) == "image/png"
    assert choose_type(opaque, "image/webp", exact=True) == "image/png"


@pytest.mark.parametrize(
    ("ending", "name"), [("png", "PNG"), ("jpg", "JPEG"), ("jpeg", "JPEG"), ("webp", "WEBP")]
)
def test_each_format_can_be_asked_for(server, address, ending, name):
    answer = server.get(f"{address}.{ending}")
    assert answer.headers["content-type"] == f"image/{name.lower()}"
    image = Image.open(io.BytesIO(answer.content))
    assert (image.format, image.size) == (name, (256, 256))
    chosen = server.get(address, headers={"Accept": "image/webp"})
    assert chosen.headers["vary"] == "Accept"
    assert chosen.headers["content-type"] in {"image/webp", "image/jpeg"}


def test_other_formats_and_places_are_refused(server, address):
    assert read_error(server.get(f"{address}.tif")) == (400, "InvalidParameterValue")
    assert read_error(server.get("/tiles/tiled/2/x/1.png")) == (400, "InvalidParameterValue")
    assert read_error(server.get("/tiles/tiled/2/-1/1.png")) == (404, "NotFound")
    assert read_error(server.get("/tiles/tiled/2/99999999999999999999/1.png")) == (
        400,
        "InvalidParameterValue",
    )


def test_a_tile_that_has_not_changed_is_not_even_drawn(server, address, monkeypatch):
    first = server.get(f"{address}.png")
    assert server.get(f"{address}.webp").headers["etag"] != first.headers["etag"]
    monkeypatch.setattr(server.app.state.rooms.drawing, "draw_tile", None)
    again = server.get(f"{address}.png", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def test_the_etag_changes_with_the_layer(server, workspace, layer, address):
    before = server.get(f"{address}.png").headers["etag"]
    server.app.state.rooms.layers.put(layer)
    assert server.get(f"{address}.png").headers["etag"] != before


def test_a_point_is_answered_while_all_threads_of_tiles_are_taken(server, layer):
    rooms, go = server.app.state.rooms, threading.Event()
    busy = [rooms.pool.submit(go.wait, 30) for _ in range(rooms.settings.tile_threads)]
    try:
        lon, lat = (layer.bounds[0] + layer.bounds[2]) / 2, (layer.bounds[1] + layer.bounds[3]) / 2
        assert server.get(f"/series/tiled?lon={lon}&lat={lat}", timeout=20).status_code == 200
        assert not any(one.done() for one in busy)
    finally:
        go.set()


def test_tilejson_tells_where_the_tiles_are_and_how_fine(server, layer, address):
    shown = server.get("/tiles/tiled/tilejson.json").json()
    assert (shown["tilejson"], shown["scheme"], shown["name"]) == ("3.0.0", "xyz", "Tiled")
    assert shown["bounds"] == list(layer.bounds)
    assert shown["minzoom"] <= shown["center"][2] <= shown["maxzoom"]
    # 10 m at 50° N: pixels of zoom 13 have 12.3 m, those of zoom 14 6.1 m.
    assert shown["maxzoom"] == 14
    z, x, y = address.split("/")[3:]
    template = shown["tiles"][0]
    assert server.get(template.format(z=z, x=x, y=y)).content == server.get(f"{address}.png").content
    assert read_error(server.get("/tiles/nothing/tilejson.json")) == (404, "ServiceNotFound")
