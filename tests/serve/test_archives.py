"""A result at once that is several files comes as one archive, with the STAC that describes them."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pystac
import pytest
import rasterio
import xarray as xr
from tests.serve.conftest import make_ndvi

from eocene.archive import Archive
from eocene.process import make_plan

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serve.conftest import Running

    from eocene.model import Layout

RESULT = "/openeo/1.2/result"


@pytest.mark.parametrize(("form", "accepted"), [("GTiff", "application/x-tar"), ("Zarr", "*/*")])
def test_the_files_of_a_result_come_with_their_stac(
    server: Running, workspace: Layout, extent: dict[str, Any], tmp_path: Path, form: str, accepted: str
) -> None:
    graph = make_ndvi(extent, format=form)
    body = {"process": {"process_graph": graph}}
    answer = server.client.post(RESULT, json=body, headers=server.as_user(Accept=accepted))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-tar"
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as packed:
        packed.extractall(tmp_path, filter="data")
    home = tmp_path / answer.headers["openeo-identifier"]
    collection = pystac.Collection.from_file(str(home / "collection.json"))
    archive = Archive(workspace)
    expected = make_plan(graph, archive).run().to_numpy()
    archive.catalogue.close()
    months = []
    for item in sorted(collection.get_items(), key=lambda found: found.id):
        [asset] = item.assets.values()
        with rasterio.open(asset.get_absolute_href()) as raster:
            months.append(raster.read(1))
    np.testing.assert_array_equal(np.stack(months), expected.squeeze())
    with xr.open_zarr(home / "cube.zarr", consolidated=False) as cube:
        np.testing.assert_array_equal(cube["data"].to_numpy(), expected)


def test_one_file_comes_as_it_is(server: Running) -> None:
    graph = {"add": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}
    answer = server.post(RESULT, {"process": {"process_graph": graph}})
    assert (answer.headers["content-type"], answer.json()) == ("application/json", 3)
