"""odc-stac, GDAL and its STACIT driver read the pixels of the files through the server, in ranges."""

from __future__ import annotations

import hashlib
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pystac_client
import pytest
import rasterio
from rasterio.windows import Window
from tests.serve.stac_world import run_copy

from eocene.archive import Archive, Search
from eocene.archive.packing.zips import MEMBER

HTTP = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_HTTP_MAX_RETRY": "0", "VSI_CACHE": "FALSE"}
QUERY = "collections=sentinel-2-l2a&sortby=datetime"


@pytest.fixture(scope="module")
def scenes(workspace):
    """The stored scenes of one zone, oldest first, with the paths of their files."""
    archive = Archive(workspace)
    search = Search(collections=("sentinel-2-l2a",), sortby=("datetime",))
    found = [i for i in archive.catalogue.search(search) if i["properties"]["proj:code"] == "EPSG:32633"]
    archive.catalogue.close()
    assert len(found) >= 4
    return found


def read_file(item, band):
    with rasterio.open(item["assets"][band]["href"]) as source:
        return source.read(1), source.transform, source.crs


@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")  # odc-geo's
@pytest.mark.parametrize("band", ["B04", "SCL"])
def test_odc_stac_loads_the_pixels_of_the_files(server, scenes, band):
    odc_stac = pytest.importorskip("odc.stac", reason="odc-stac is not installed")
    catalogue = pystac_client.Client.open(f"{server.url}/stac/")
    ids = [item["id"] for item in scenes[:3]]
    items = catalogue.search(collections=["sentinel-2-l2a"], ids=ids).item_collection()
    pixels, transform, crs = read_file(scenes[0], band)
    with ThreadPoolExecutor(
        1
    ) as alone:  # the configuration of GDAL that it leaves behind goes with the thread
        load = partial(odc_stac.load, items, bands=[band], crs=str(crs), resolution=transform.a)
        loaded = alone.submit(load).result()
    assert loaded.sizes == {"time": 3, "y": pixels.shape[0], "x": pixels.shape[1]}
    for item, values in zip(scenes, loaded[band].values, strict=False):
        assert np.array_equal(values, read_file(item, band)[0])


def test_gdal_reads_a_window_in_ranges(server, scenes):
    href = f"{server.url}/stac/collections/sentinel-2-l2a/items/{scenes[0]['id']}/assets/B04"
    pixels = read_file(scenes[0], "B04")[0]
    with rasterio.Env(**HTTP), rasterio.open(href) as source:
        window = source.read(1, window=Window(5, 7, 20, 30))
    assert np.array_equal(window, pixels[7:37, 5:25])


def test_stacit_mosaics_the_items_of_a_search(server, scenes):
    with rasterio.Env() as env:
        if "STACIT" not in env.drivers():
            pytest.skip("this GDAL has no STACIT driver")
    search = f"{server.url}/stac/search?{QUERY}&ids={scenes[0]['id']}"
    with rasterio.Env(**HTTP), rasterio.open(f'STACIT:"{search}":asset=B04') as source:
        mosaic, transform, crs = source.read(1), source.transform, source.crs
    pixels, expected, zone = read_file(scenes[0], "B04")
    assert (transform, crs) == (expected, zone)
    assert np.array_equal(mosaic, pixels)


def test_stacit_follows_the_pages_of_a_search(server, scenes):
    with rasterio.Env() as env:
        if "STACIT" not in env.drivers():
            pytest.skip("this GDAL has no STACIT driver")
    search = f"{server.url}/stac/search?{QUERY}&limit=3"
    with rasterio.Env(**HTTP), rasterio.open(f'STACIT:"{search}":asset=B04,crs=EPSG_32633') as source:
        mosaic = source.read(1)
    # Without another order GDAL lays later items over earlier ones, where those have data.
    expected = np.zeros_like(mosaic)
    for item in scenes:
        pixels = read_file(item, "B04")[0]
        expected = np.where(pixels == 0, expected, pixels)
    assert np.array_equal(mosaic, expected)


RANGES = ["bytes=10-19", "bytes=-7", "bytes=100-", "bytes=0-0", None]


@pytest.fixture(scope="module")
def packed(workspace, tmp_path_factory):
    """A server with an item whose assets are members of a zip file, one as it is and one compressed."""
    folder = tmp_path_factory.mktemp("packed")
    data = np.random.default_rng(1).integers(0, 256, 50_000, dtype=np.uint8).tobytes()
    with run_copy(workspace, folder) as server:
        path = Path(server.app.state.rooms.layout.root) / "product.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/stored.bin", data, zipfile.ZIP_STORED)
            archive.writestr("a/small.bin", data, zipfile.ZIP_DEFLATED)
        catalogue = server.app.state.rooms.archive.catalogue
        item = catalogue.search(Search(collections=("sentinel-2-l2a",), limit=1))[0]
        members = {"stored": "a/stored.bin", "small": "a/small.bin", "none": "a/none.bin"}
        item["assets"] |= {
            key: {"href": str(path), MEMBER: name, "type": "x/y\r\nz"} for key, name in members.items()
        }
        catalogue.put_items([item])
        yield server, f"/stac/collections/sentinel-2-l2a/items/{item['id']}/assets", data


@pytest.mark.parametrize("asked", RANGES)
def test_members_of_zip_files_are_sent_as_files_are(packed, asked):
    server, home, data = packed
    headers = {"Range": asked} if asked else {}
    answer = server.get(f"{home}/stored", headers=headers)
    first, _, last = (asked or "bytes=0-").removeprefix("bytes=").partition("-")
    expected = data[-int(last) :] if not first else data[int(first) : int(last) + 1 if last else None]
    assert (answer.status_code, answer.content) == (206 if asked else 200, expected)
    assert answer.headers["content-length"] == str(len(expected))
    assert answer.headers["content-type"] == "application/octet-stream"  # what it said was no media type
    if asked:
        start = data.index(expected)
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(expected) - 1}/{len(data)}"


def test_ranges_beyond_the_end_are_refused(packed):
    server, home, data = packed
    answer = server.get(f"{home}/stored", headers={"Range": f"bytes={len(data)}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(data)}")
    assert answer.json()["code"] == "RangeNotSatisfiable"


@pytest.mark.parametrize(
    "headers",
    [{"Range": "bytes=9-3"}, {"Range": "lines=1-2"}, {"Range": "bytes=0-1,4-5"}, {"If-Range": '"old"'}],
)
def test_ranges_of_members_that_are_invalid_several_or_of_another_state_are_ignored(packed, headers):
    server, home, data = packed
    answer = server.get(f"{home}/stored", headers={"Range": "bytes=0-1"} | headers)
    assert (answer.status_code, answer.content) == (200, data)


def test_compressed_members_are_sent_whole(packed):
    server, home, data = packed
    answer = server.get(f"{home}/small", headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (200, data)
    assert answer.headers["accept-ranges"] == "none"
    assert server.get(f"{home}/none").status_code == 500


@pytest.mark.parametrize("key", ["B04", "stored", "small"])
def test_the_size_of_an_asset_is_told_without_it(packed, key):
    server, home, _ = packed
    whole = server.get(f"{home}/{key}")
    head = server.client.head(f"{home}/{key}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))


def test_files_are_sent_as_attachments(server, scenes):
    item = scenes[0]
    answer = server.get(f"/stac/collections/sentinel-2-l2a/items/{item['id']}/assets/B04")
    name = Path(item["assets"]["B04"]["href"]).name
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    stored = Path(item["assets"]["B04"]["href"]).read_bytes()
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(io.BytesIO(stored).read()).digest()
