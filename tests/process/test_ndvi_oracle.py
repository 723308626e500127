"""The monthly NDVI beside plain numpy on the same files: no code of ours in the oracle but the files."""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pystac
import pytest
import rasterio
from pyproj import Transformer

import eocene
from eocene.jobs import run_worker
from tests.process.graphs import monthly_ndvi

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

    from eocene.testing.simulate import SimulatedArchive
    from eocene.workspace import Workspace

TOLERANCE = 1e-6


def read_at(path: str, x: np.ndarray, y: np.ndarray, epsg: int) -> tuple[np.ndarray, np.ndarray]:
    """Stored numbers of a file under points, and whether the file covers them; exact, pixel by pixel."""
    with rasterio.open(path) as file:
        if file.crs.to_epsg() != epsg:
            x, y = Transformer.from_crs(epsg, file.crs.to_epsg(), always_xy=True).transform(x, y)
        col = np.floor((x - file.transform.c) / file.transform.a).astype(int)
        row = np.floor((y - file.transform.f) / file.transform.e).astype(int)
        inside = (row >= 0) & (row < file.height) & (col >= 0) & (col < file.width)
        numbers = file.read(1)[np.clip(row, 0, file.height - 1), np.clip(col, 0, file.width - 1)]
    return numbers, inside


def monthly_median_by_numpy(catalogue: str, x: np.ndarray, y: np.ndarray, epsg: int) -> dict[str, np.ndarray]:
    """Month → NDVI median at points: mosaic by day (time, then id), mask by SCL, median."""
    days: dict[str, list[pystac.Item]] = defaultdict(list)
    for item in pystac.Catalog.from_file(catalogue).get_child("sentinel-2-l2a").get_items():
        days[item.datetime.strftime("%Y-%m-%d")].append(item)
    months: dict[str, list[np.ndarray]] = defaultdict(list)
    for day, items in sorted(days.items()):
        values = {band: np.zeros(x.shape, float) for band in ("B04", "B08", "SCL")}
        for band, mosaic in values.items():
            for item in sorted(items, key=lambda i: (i.datetime, i.id)):
                numbers, inside = read_at(item.assets[band].get_absolute_href(), x, y, epsg)
                take = inside & (numbers != 0) & (mosaic == 0)
                mosaic[take] = numbers[take]
        red, nir = values["B04"] * 0.0001 - 0.1, values["B08"] * 0.0001 - 0.1
        with np.errstate(all="ignore"):
            ndvi = (nir - red) / (nir + red)
        missing = (values["B04"] == 0) | (values["B08"] == 0)
        ndvi[missing | (values["SCL"] == 3) | (values["SCL"] >= 8)] = np.nan
        months[day[:7]].append(ndvi)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return {month: np.nanmedian(stack, axis=0) for month, stack in months.items()}


@pytest.fixture(scope="module")
def by_python(world: Workspace) -> xr.DataArray:
    return eocene.run(monthly_ndvi(), workspace=world)


@pytest.fixture(scope="module")
def by_numpy(simulated_world: SimulatedArchive, by_python: xr.DataArray) -> np.ndarray:
    x, y = np.meshgrid(by_python.x.values, by_python.y.values)
    months = monthly_median_by_numpy(str(simulated_world.catalogue), x, y, 32632)
    return np.stack([months[m] for m in sorted(months)])


def test_the_monthly_median_equals_plain_numpy(by_python: xr.DataArray, by_numpy: np.ndarray) -> None:
    assert by_python.shape == by_numpy.shape
    assert np.array_equal(np.isnan(by_python.values), np.isnan(by_numpy))
    assert np.nanmax(np.abs(by_python.values - by_numpy)) <= TOLERANCE
    assert np.isfinite(by_numpy).mean() > 0.5


def test_it_equals_numpy_where_only_the_other_utm_zone_has_data(
    simulated_world: SimulatedArchive, by_python: xr.DataArray, by_numpy: np.ndarray
) -> None:
    first = next(
        i
        for i in pystac.Catalog.from_file(str(simulated_world.catalogue))
        .get_child("sentinel-2-l2a")
        .get_items()
        if i.assets["B04"].extra_fields["proj:code"] == "EPSG:32632"
    )
    with rasterio.open(first.assets["B04"].get_absolute_href()) as file:
        east_of_the_seam = by_python.x.values > file.bounds.right
    assert east_of_the_seam.sum() > 20
    beyond = by_python.values[..., east_of_the_seam]
    assert np.isfinite(beyond).any()
    assert np.nanmax(np.abs(beyond - by_numpy[..., east_of_the_seam])) <= TOLERANCE


def test_python_sync_and_batch_are_bit_identical(
    world: Workspace, by_python: xr.DataArray, tmp_path: Path
) -> None:
    from eocene.process.output.results import save_file

    path, _ = save_file(world.plan(monthly_ndvi()), tmp_path)
    with rasterio.open(path) as file:
        assert file.read().tobytes() == by_python.values.tobytes()

    job = world.jobs.create({"process_graph": monthly_ndvi()}, title="NDVI")
    world.jobs.queue(job.id)
    run_worker(world.archive, world.jobs, once=True)
    folder = world.jobs.results_folder(job.id)
    layers = []
    for item in sorted(folder.glob(f"{job.id}_*.json")):
        asset = json.loads(item.read_text())["assets"]["data"]
        with rasterio.open(folder / asset["href"]) as file:
            layers.append(file.read(1))
    assert np.stack(layers).tobytes() == by_python.values.tobytes()


def test_the_result_of_a_job_loads_again_as_the_same_values(
    world: Workspace, by_python: xr.DataArray
) -> None:
    job = next(j for j in world.jobs.list() if j.title == "NDVI")
    graph = {
        "load": {
            "process_id": "load_stac",
            "arguments": {"url": f"results/{job.id}/collection.json"},
            "result": True,
        }
    }
    again = eocene.run(graph, workspace=world)
    assert again.isel(bands=0).values.tobytes() == by_python.values.tobytes()
    assert again.x.equals(by_python.x)


def test_the_lineage_names_items_graph_and_software(world: Workspace) -> None:
    job = next(j for j in world.jobs.list() if j.title == "NDVI")
    document: dict[str, Any] = json.loads((world.jobs.results_folder(job.id) / "collection.json").read_text())
    sources = [link["href"] for link in document["links"] if link["rel"] == "derived_from"]
    assert len(sources) == len(world.search("sentinel-2-l2a"))
    assert document["processing:expression"]["expression"]["monthly"]["arguments"]["period"] == "month"
    assert document["summaries"]["processing:software"] == [{"eocene": eocene.__version__}]
