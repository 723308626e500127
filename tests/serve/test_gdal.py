"""GDAL's ways in, which are QGIS's, too: STAC searches as images, and the signed links of results as COGs.

Maps by WMTS are in ``test_wmts.py``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from tests.serve.conftest import make_ndvi

from eocene.archive import Archive, Search

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.serve.conftest import Running

    from eocene.model import Layout

BAND = "B04"


@pytest.fixture(autouse=True)
def plain_gdal() -> Iterator[None]:
    """GDAL as it comes, but for looking around for files beside, which a server of files does not list."""
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_HTTP_MAX_RETRY="0"):
        yield


@pytest.fixture(scope="module")
def items(workspace: Layout) -> list[dict[str, Any]]:
    archive = Archive(workspace)
    found = archive.catalogue.search(Search(collections=("sentinel-2-l2a",)))
    archive.catalogue.close()
    return found


def name_stacit(server: Running, crs: str, **asked: Any) -> str:
    query = urlencode({"collections": "sentinel-2-l2a"} | asked)
    place = f"collection=sentinel-2-l2a,asset={BAND},crs={crs.replace(':', '_')}"
    return f'STACIT:"{server.url}/stac/search?{query}":{place}'


def test_an_item_of_the_api_is_the_image_that_lies_on_the_disk(
    server: Running, items: list[dict[str, Any]]
) -> None:
    zones = {item["assets"][BAND]["proj:code"]: item for item in items}
    assert len(zones) == 2
    for crs, item in zones.items():
        with (
            rasterio.open(name_stacit(server, crs, ids=item["id"])) as found,
            rasterio.open(item["assets"][BAND]["href"]) as stored,
        ):
            assert (found.crs, found.transform, found.nodata) == (stored.crs, stored.transform, stored.nodata)
            pixels = stored.read()
            assert pixels.std() > 0
            np.testing.assert_array_equal(found.read(), pixels)


def test_all_pages_of_a_search_are_followed_to_the_images_of_both_zones(
    server: Running, items: list[dict[str, Any]]
) -> None:
    first = items[0]["assets"][BAND]["proj:code"]
    ordered = sorted(items, key=lambda item: item["assets"][BAND]["proj:code"] != first)
    asked = {"limit": 1, "ids": ",".join(item["id"] for item in ordered)}
    source = f'STACIT:"{server.url}/stac/search?{urlencode(asked)}":asset={BAND}'
    with pytest.warns(NotGeoreferencedWarning), rasterio.open(source) as found:
        zones = {name.rpartition("crs=")[2] for name in found.subdatasets}
    assert zones == {item["assets"][BAND]["proj:code"].replace(":", "_") for item in items}


def run_job(server: Running, graph: dict[str, Any]) -> dict[str, Any]:
    home = server.post("/openeo/1.2/jobs", {"process": {"process_graph": graph}}).headers["Location"]
    server.post(f"{home}/results", None)
    deadline = time.monotonic() + 120
    while (status := server.get(home, headers=server.as_user()).json()["status"]) != "finished":
        assert status != "error"
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return server.get(f"{home}/results", headers=server.as_user()).json()


def test_a_signed_link_is_a_cloud_optimised_image_read_in_place(
    server: Running, extent: dict[str, Any], tmp_path: Path
) -> None:
    assets = run_job(server, make_ndvi(extent))["assets"]
    links = [asset["href"] for asset in assets.values() if asset["type"].startswith("image/tiff")]
    assert len(links) > 1
    for number, href in enumerate(links):
        local = tmp_path / f"{number}.tif"
        local.write_bytes(server.get(href).content)
        with rasterio.open(f"/vsicurl/{href}") as found, rasterio.open(local) as stored:
            assert found.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert (found.crs, found.transform) == (stored.crs, stored.transform)
            window = ((2, 20), (1, 17))
            np.testing.assert_array_equal(found.read(window=window), stored.read(window=window))
            np.testing.assert_array_equal(found.read(), stored.read())


def test_a_link_with_another_signature_opens_nothing(server: Running, extent: dict[str, Any]) -> None:
    assets = run_job(server, make_ndvi(extent))["assets"]
    href = next(a["href"] for a in assets.values() if a["type"].startswith("image/tiff"))
    forged = f"{href[:-1]}{'0' if href[-1] != '0' else '1'}"
    with pytest.raises(rasterio.RasterioIOError, match="403"):
        rasterio.open(f"/vsicurl/{forged}")
