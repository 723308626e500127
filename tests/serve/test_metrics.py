"""What is measured, as Prometheus's own parser reads it."""

from __future__ import annotations

import os

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.serve.conftest import make_ndvi


def measure(server) -> dict:
    """Return (name, labels) → value of all samples."""
    families = text_string_to_metric_families(server.get("/metrics").text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def of(samples: dict, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def test_requests_and_their_durations_are_counted_by_route(server):
    labels = {"method": "GET", "route": "/stac/collections/{collection_id}", "status": "200"}
    server.get("/stac/collections/sentinel-2-l2a")
    before = measure(server)
    for _ in range(3):
        server.get("/stac/collections/sentinel-2-l2a")
    after = measure(server)
    assert of(after, "eocene_requests_total", **labels) == of(before, "eocene_requests_total", **labels) + 3
    route = {"route": labels["route"]}
    assert (
        of(after, "eocene_request_seconds_count", **route)
        == of(before, "eocene_request_seconds_count", **route) + 3
    )
    assert of(after, "eocene_request_seconds_sum", **route) > of(
        before, "eocene_request_seconds_sum", **route
    )
    assert of(after, "eocene_requests_in_progress") == 1


def test_jobs_queues_workers_and_memory_are_measured(server, extent):
    before = measure(server)
    body = {"process": {"process_graph": make_ndvi(extent)}}
    job = server.post("/openeo/1.2/jobs", body).headers["openeo-identifier"]
    after = measure(server)
    assert of(after, "eocene_jobs", status="created") == of(before, "eocene_jobs", status="created") + 1
    assert of(after, "eocene_job_queue_length") == of(after, "eocene_jobs", status="queued")
    assert of(after, "eocene_workers") == 1
    assert of(after, "eocene_worker_memory_bytes", worker="0") > 10e6
    assert of(after, "eocene_worker_blocks") >= 0
    assert {of(after, "eocene_requests_waiting", queue=name) for name in ("tiles", "points", "results")} == {
        0
    }
    with open("/proc/self/statm") as statm:  # noqa: PTH123
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert of(after, "process_resident_memory_bytes") == pytest.approx(resident, rel=0.2)
    server.client.delete(f"/openeo/1.2/jobs/{job}", headers=server.as_user())


def test_what_caches_gave_is_counted(server, extent):
    body = {"title": "x", "type": "XYZ", "process": {"process_graph": make_ndvi(extent, format="PNG")}}
    created = server.post("/openeo/1.2/services", body)
    assert created.status_code == 201, created.text
    service = created.headers["openeo-identifier"]
    before = measure(server)
    for _ in range(3):
        assert server.get(f"/tiles/{service}/3/4/2.png", headers=server.as_user()).status_code == 200
    after = measure(server)
    for kind, count in (("hits", 2), ("misses", 1)):
        name = f"eocene_cache_{kind}_total"
        assert of(after, name, cache="tiles") == of(before, name, cache="tiles") + count
    server.client.delete(f"/openeo/1.2/services/{service}", headers=server.as_user())
