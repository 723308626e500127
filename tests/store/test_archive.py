"""Products and results in a real object store: the same pixels, and what is damaged there is found."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.transform import from_origin

import eocene
from eocene.archive.fetch import MissingError
from eocene.archive.store.kept import KeptObjects
from eocene.jobs import run_worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.archive.store import Bucket
    from eocene.workspace import Workspace

SIZE = 64
BBOX = (11.0, 47.99, 11.01, 48.0)
VALUES = np.arange(SIZE * SIZE, dtype=np.uint16).reshape(SIZE, SIZE)


@pytest.fixture
def product(tmp_path: Path) -> Path:
    return make_product(tmp_path)


def make_product(where: Path) -> Path:
    """Return a new folder ``product`` with an image of a day."""
    folder = where / "product"
    folder.mkdir()
    profile = {
        "driver": "GTiff", "width": SIZE, "height": SIZE, "count": 1, "dtype": "uint16", "crs": "EPSG:4326",
        "transform": from_origin(11.0, 48.0, 0.01 / SIZE, 0.01 / SIZE), "tiled": True, "blockxsize": 32,
        "blockysize": 32,
    }  # fmt: skip
    with rasterio.open(folder / "field_20240501_B04.tif", "w", **profile) as image:
        image.write(VALUES, 1)
    return folder


@pytest.fixture
def workspace(store: Bucket, tmp_path: Path) -> Iterator[Workspace]:
    with eocene.open(tmp_path / "workspace") as opened:
        yield opened


def load(workspace: Workspace) -> np.ndarray:
    return workspace.load("product", bbox=BBOX, crs=4326, resolution=0.01 / SIZE).values


def test_an_ingested_product_is_read_from_the_store_alone(
    workspace: Workspace, product: Path, store: Bucket
) -> None:
    (item,) = workspace.ingest(product)
    (asset,) = item.assets.values()
    assert asset.href.startswith(store.url + "assets/product/")
    shutil.rmtree(product)
    assert np.array_equal(load(workspace)[0, 0], VALUES)
    assert workspace.verify().to_dict() == {
        "files": 1, "bytes": asset.extra_fields["file:size"], "without_checksum": 0, "remote": 0,
        "damaged": [], "repaired": [],
    }  # fmt: skip


def test_a_table_is_brought_here_to_be_read(workspace: Workspace, store: Bucket, tmp_path: Path) -> None:
    (tmp_path / "stations.csv").write_text("time;name;value\n2024-05-01;a;1.5\n2024-05-02;b;2.5\n")
    (item,) = workspace.ingest(tmp_path / "stations.csv")
    assert item.assets["data"].href.startswith(store.url)
    assert list((workspace.layout.root / "assets").rglob("*.parquet")) == []
    for _ in range(2):
        assert workspace.archive.table("stations")["value"].tolist() == [1.5, 2.5]


def test_a_format_that_is_not_read_in_ranges_is_brought_here(
    workspace: Workspace, store: Bucket, tmp_path: Path
) -> None:
    values = np.arange(2 * 8 * 8, dtype=np.float32).reshape(2, 8, 8)
    place = {"y": 48 - (np.arange(8) + 0.5) / 800, "x": 11 + (np.arange(8) + 0.5) / 800}
    times = np.array(["2024-05-01", "2024-05-02"], "datetime64[ns]")
    cube = xr.DataArray(values, {"time": times, **place}, ("time", "y", "x"), name="ndvi")
    cube["y"].attrs, cube["x"].attrs = {"units": "degrees_north"}, {"units": "degrees_east"}
    cube.attrs["crs"] = "EPSG:4326"
    cube.to_netcdf(tmp_path / "patch.nc", engine="h5netcdf")
    workspace.ingest(tmp_path / "patch.nc", collection="patch")
    (tmp_path / "patch.nc").unlink()
    assert [entry.name.rpartition("/")[2] for entry in store.list("assets")] == ["patch.nc"]
    loaded = workspace.load("patch", bbox=BBOX, crs=4326, resolution=1 / 800)
    assert np.array_equal(loaded.values[:, 0], values)


def test_verify_names_what_was_changed_or_lost_in_the_store(
    workspace: Workspace, product: Path, store: Bucket
) -> None:
    (item,) = workspace.ingest(product)
    (asset,) = item.assets.values()
    name = next(iter(store.list("assets"))).name
    data = store.read(name)
    store.put_bytes(name, data[:-1] + bytes([data[-1] ^ 1]))
    (finding,) = workspace.verify().findings
    assert (finding.file, finding.fault) == (asset.href, "changed")
    store.put_bytes(name, data[:-1])
    assert [finding.fault for finding in workspace.verify().findings] == ["truncated"]
    store.delete([name])
    assert [finding.fault for finding in workspace.verify().findings] == ["missing"]


def test_nothing_is_catalogued_of_a_product_that_the_store_does_not_take(
    workspace: Workspace, product: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "guessed")
    with pytest.raises(eocene.model.EoceneError, match="refuses the keys"):
        workspace.ingest(product)
    assert workspace.search() == []


def test_the_result_of_a_job_is_data_for_the_next_one(
    workspace: Workspace, product: Path, store: Bucket
) -> None:
    workspace.ingest(product)
    extent = dict(zip(("west", "south", "east", "north"), BBOX, strict=True))
    graph = {
        "load": {
            "process_id": "load_collection",
            "arguments": {"id": "product", "spatial_extent": extent, "temporal_extent": None},
        },
        "save": {
            "process_id": "save_result",
            "arguments": {"data": {"from_node": "load"}, "format": "GTiff"},
            "result": True,
        },
    }
    jobs = workspace.jobs
    job = jobs.queue(jobs.create({"process_graph": graph}).id)
    assert run_worker(workspace.archive, jobs, once=True) == 1
    assert jobs.get(job.id).status == "finished", jobs.logs(job.id)[-1]
    again = {
        "load": {
            "process_id": "load_stac",
            "arguments": {"url": f"results/{job.id}/collection.json"},
            "result": True,
        }
    }
    found = eocene.run(again, workspace=workspace)
    assert np.array_equal(np.squeeze(found.values), VALUES)
    bo = workspace.archive.of("bo", lambda _: False)
    with pytest.raises(eocene.model.EoceneError, match="no file"):
        eocene.process.make_plan(again, bo)


def test_copies_are_whole_however_many_want_them_and_old_ones_go(store: Bucket, tmp_path: Path) -> None:
    data = [os.urandom(100_000) for _ in range(3)]
    for number, content in enumerate(data):
        store.put_bytes(f"assets/c/{number}", content)
    kept = KeptObjects(store, tmp_path, most_bytes=200_000)
    with ThreadPoolExecutor(6) as pool:
        paths = list(pool.map(lambda n: kept.bring(f"assets/c/{n % 2}"), range(12)))
    assert [path.read_bytes() for path in paths] == [data[n % 2] for n in range(12)]
    os.utime(kept.bring("assets/c/0"), (1, 1))
    assert kept.bring("assets/c/2").read_bytes() == data[2]
    assert (paths[0].exists(), paths[1].exists()) == (False, True)
    with pytest.raises(MissingError):
        kept.bring("assets/c/none")
