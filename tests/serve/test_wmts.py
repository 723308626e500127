"""WMTS as its clients see it: GDAL opens the capabilities and reads what the tiles show."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from defusedxml.ElementTree import fromstring
from PIL import Image
from rasterio.windows import from_bounds
from tests.serve.test_tiles import address, layer  # noqa: F401

NAMES = {"w": "http://www.opengis.net/wmts/1.0", "ows": "http://www.opengis.net/ows/1.1"}
CAPABILITIES = "/wmts/tiled/1.0.0/WMTSCapabilities.xml"


def read_capabilities(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/xml"
    return fromstring(answer.content)


def test_gdal_opens_the_capabilities_and_reads_the_pixels_of_the_tiles(server, layer, address, tmp_path):  # noqa: F811
    z, x, y = map(int, address.split("/")[3:])
    half = 20_037_508.342789244
    size = 2 * half / 2**z
    box = (-half + x * size, half - (y + 1) * size, -half + (x + 1) * size, half - y * size)
    source = f"WMTS:{server.url}{CAPABILITIES},layer=tiled,zoom_level={z}"
    with rasterio.Env(GDAL_DEFAULT_WMS_CACHE_PATH=str(tmp_path)), rasterio.open(source) as found:
        assert found.crs.to_epsg() == 3857
        assert found.res[0] == pytest.approx(size / 256)
        window = from_bounds(*box, found.transform)
        pixels = found.read(window=window, boundless=True)
    image = np.asarray(Image.open(io.BytesIO(server.get(f"{address}.png").content)))
    rows, cols = np.nonzero(image[..., 3])
    assert rows.size
    assert (pixels[:, rows, cols] == image[rows, cols].T).all()


def test_pairs_in_any_case_give_the_tiles_of_the_addresses(server, layer, address):  # noqa: F811
    z, x, y = address.split("/")[3:]
    expected = server.get(f"{address}.jpg").content
    query = (
        "SERVICE=WMTS&Request=GetTile&VERSION=1.0.0&Layer=tiled&STYLE=default&TileMatrixSet=WebMercatorQuad"
        f"&TILEMATRIX={z}&tilerow={y}&TileCol={x}&format=image/jpeg&time={layer.times[-1]}"
    )
    assert server.get(f"/wmts?{query}").content == expected
    assert server.get(f"/wmts/tiled?{query}").content == expected


def test_the_capabilities_name_times_formats_legends_and_templates(server, layer, address):  # noqa: F811
    for path in (
        CAPABILITIES,
        "/wmts/1.0.0/WMTSCapabilities.xml",
        "/wmts?REQUEST=GetCapabilities&service=WMTS",
    ):
        root = read_capabilities(server.get(path))
        found = root.findall("w:Contents/w:Layer", NAMES)
        [mine] = [one for one in found if one.findtext("ows:Identifier", None, NAMES) == "tiled"]
        assert [v.text for v in mine.findall("w:Dimension/w:Value", NAMES)] == list(layer.times)
        assert {f.text for f in mine.findall("w:Format", NAMES)} == {"image/png", "image/jpeg", "image/webp"}
        legend = mine.find("w:Style/w:LegendURL", NAMES).get("{http://www.w3.org/1999/xlink}href")
        assert server.get(legend).headers["content-type"] == "image/png"
    z, x, y = address.split("/")[3:]
    for one in mine.findall("w:ResourceURL", NAMES):
        place = {"TileMatrix": z, "TileCol": x, "TileRow": y, "Time": layer.times[0]}
        answer = server.get(one.get("template").format(**place))
        assert answer.headers["content-type"] == one.get("format")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "MissingParameterValue"),
        ("request=GetMap", "InvalidParameterValue"),
        ("request=GetCapabilities&service=WMS", "InvalidParameterValue"),
        ("request=GetTile", "MissingParameterValue"),
        ("request=GetTile&tilematrixset=x", "InvalidParameterValue"),
        ("request=GetTile&tilematrixset=WebMercatorQuad&format=text/html", "InvalidParameterValue"),
        (
            "request=GetTile&tilematrixset=WebMercatorQuad&tilematrix=-1&tilecol=0&tilerow=0",
            "InvalidParameterValue",
        ),
        (
            "request=GetTile&tilematrixset=WebMercatorQuad&tilematrix=99&tilecol=0&tilerow=0",
            "InvalidParameterValue",
        ),
    ],
)
def test_wrong_requests_get_an_exception_report(server, layer, query, code):  # noqa: F811
    answer = server.get(f"/wmts/tiled?{query}")
    assert answer.status_code in (400, 404)
    report = fromstring(answer.content)
    assert report.tag == "{http://www.opengis.net/ows/1.1}ExceptionReport"
    assert report[0].get("exceptionCode") == code
    assert report[0][0].text


def test_a_title_with_markup_stays_a_title(server, layer):  # noqa: F811
    rooms = server.app.state.rooms
    rooms.layers.put(replace(layer, title='<b>&"x"</b>'))
    try:
        root = read_capabilities(server.get(CAPABILITIES))
        assert root.findtext("w:Contents/w:Layer/ows:Title", None, NAMES) == '<b>&"x"</b>'
    finally:
        rooms.layers.put(layer)
