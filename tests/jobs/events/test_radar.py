"""An earthquake sets off the application that compares radar images, on real files, once."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from rasterio.windows import from_bounds
from tests.jobs.events.world import collect, watch

from eocene.jobs import JobStore, run_worker
from eocene.jobs.applications import find_application
from eocene.jobs.events import Rules, run_rules

WHEN = datetime(2024, 6, 10, tzinfo=UTC)
DAYS = 25


@pytest.fixture
def rules(world, clock):
    rules = Rules(world.layout, world.archive, clock=clock)
    clock.now = WHEN.timestamp() + 3600
    yield rules
    rules.close()


@pytest.fixture
def place(world):
    """In the middle of the first tile."""
    item = world.search("sentinel-1-grd", sortby=["id"], limit=1)[0]
    west, south, east, north = item.bbox
    return west + (east - west) / 4, (south + north) / 2


def quake(name, magnitude, place):
    properties = {"mag": magnitude, "time": int(WHEN.timestamp() * 1000), "title": f"M {magnitude}"}
    point = {"type": "Point", "coordinates": [*place, 10.0]}
    return {"type": "Feature", "id": name, "properties": properties, "geometry": point}


def average(world, crs, bounds, *span):
    """The mean of VV over the images between two dates, read by rasterio alone."""
    images = []
    for item in world.search("sentinel-1-grd", datetime="/".join(span)):
        if item.properties["proj:code"] == crs:
            with rasterio.open(item.assets["VV"].href) as image:
                window = from_bounds(*bounds, image.transform).round_offsets().round_lengths()
                pixels = image.read(1, window=window, masked=True).astype("float64")
            images.append(pixels.filled(np.nan))
    assert len(images) >= 2
    return np.nanmean(images, axis=0)


def test_an_earthquake_of_5_4_compares_radar_images_once_and_one_of_4_9_does_not(
    world, rules, outside, clock, place
):
    outside.feed = collect(quake("us1", 5.4, place), quake("us2", 4.9, place))
    run = {
        "process": find_application("radar_change"),
        "arguments": {"area": "$event.bbox", "before": "$event.before", "after": "$event.after"},
        "before_days": DAYS, "after_days": DAYS, "wait_days": DAYS, "buffer_m": 200,
    }  # fmt: skip
    rule = rules.create(watch(outside, run=run))
    assert [run_rules(rules, once=True) for _ in range(2)] == [1, 0]
    assert rules.events(rule.id)[0]["job"] is None  # the images after it are not there yet
    clock.wait(DAYS * 86_400)
    assert run_rules(rules, once=True) == 0
    (event,) = rules.events(rule.id)
    assert event["event"]["id"] == "us1"

    store = JobStore(world.layout)
    run_worker(world.archive, store, once=True)
    job = store.get(event["job"]["id"])
    assert job.status == "finished", store.logs(job.id)
    (path,) = store.results_folder(job.id).glob("*.tif")
    with rasterio.open(path) as image:
        change, bounds, crs = image.read(1), image.bounds, str(image.crs)
    assert change.size > 100
    before = average(world, crs, bounds, "2024-05-16T00:00:00Z", "2024-06-09T23:59:59Z")
    after = average(world, crs, bounds, "2024-06-10T00:00:00Z", "2024-07-04T23:59:59Z")
    np.testing.assert_allclose(change, after - before, rtol=1e-5, atol=1e-5)
    assert np.abs(change).max() > 0

    clock.wait(86_400)
    assert run_rules(rules, once=True) == 0  # the feed goes on telling of it
    mine = [job for job in store.list() if rule.id in (job.description or "")]
    assert [job.id for job in mine] == [event["job"]["id"]]
    store.close()
