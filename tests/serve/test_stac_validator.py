"""stac-api-validator, unmodified, finds no error in any conformance class that it knows and we advertise."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from tests.serve.stac_offline import UNSEEN
from tests.serve.stac_world import make_item, run_copy

from eocene.serve.stac import CONFORMANCE

CLASSES = (
    "core", "collections", "features", "item-search", "filter",
    *(f"{part}#{name}" for part in ("item-search", "features") for name in ("sort", "fields", "query")),
)  # fmt: skip
COLLECTION = "sentinel-2-l2a"
ROUND_TRIP = "S2A_47XNF_20230423_0_L2A"
"""The item that the validator deletes, adds, changes and deletes; it has to be there for the first step."""


@pytest.fixture(scope="module")
def editing(workspace, tmp_path_factory):
    with run_copy(workspace, tmp_path_factory.mktemp("validated")) as server:
        item = make_item("inside-20-20-21-21", COLLECTION)  # where the validator looks for one
        item["properties"] |= {"platform": "sentinel-2b", "instruments": ["msi"]}
        server.post(f"/stac/collections/{COLLECTION}/items", item).raise_for_status()
        yield server


def validate(server, *classes):
    """Return what the validator writes: warnings, errors, and the schemas that could not be had."""
    if importlib.util.find_spec("stac_api_validator") is None:
        pytest.skip("stac-api-validator is not installed")
    search = {"collections": COLLECTION, "filter": "eo:cloud_cover > 10", "limit": 1}
    scene = server.get("/stac/search", params=search).json()["features"][0]
    west, south, east, north = scene["bbox"]
    cover = str(scene["properties"]["eo:cloud_cover"])
    options = {
        "root-url": f"{server.url}/stac/", "collection": COLLECTION,
        "geometry": f'{{"type":"Point","coordinates":[{(west + east) / 2},{(south + north) / 2}]}}',
        "transaction-collection": COLLECTION, "auth-bearer-token": f"basic//{server.token}",
        "fields-nested-property": "properties.eo:cloud_cover", "query-comparison-field": "eo:cloud_cover",
        "query-eq-value": cover, "query-neq-value": cover, "query-lt-value": "90", "query-lte-value": "90",
        "query-gt-value": "1", "query-gte-value": "1", "query-substring-field": "platform",
        "query-starts-with-value": "sentinel", "query-ends-with-value": "2b",
        "query-contains-value": "nel-2", "query-in-field": "instruments", "query-in-values": "msi,olci",
        "log-level": "WARN",
    }  # fmt: skip
    command = [sys.executable, str(Path(__file__).with_name("stac_offline.py")), "--validate-pagination"]
    command += [f"--{name}={value}" for name, value in options.items()]
    command += [f"--conformance={name}" for name in classes]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


@pytest.fixture(scope="module")
def report(editing):
    return validate(editing, *CLASSES)


def test_the_validator_finds_no_error(report):
    assert "Errors: none" in report.stdout, report.stdout + report.stderr
    assert report.returncode == 0


@pytest.mark.long  # it sleeps for two seconds after each change
def test_the_validator_finds_no_error_in_transactions(editing):
    item = make_item(ROUND_TRIP, COLLECTION)
    editing.post(f"/stac/collections/{COLLECTION}/items", item).raise_for_status()
    done = validate(editing, "core", "transaction")
    assert "Errors: none" in done.stdout, done.stdout + done.stderr


def test_its_warnings_are_only_those_that_are_meant(report):
    """Items keep the identifiers of their agencies, and say what they are whatever fields are asked for."""
    warnings = [line for line in report.stdout.splitlines() if line.startswith("- ")]
    meant = ("should only contain Searchable identifiers", "response contained extra fields")
    assert [line for line in warnings if not any(text in line for text in meant)] == []


def test_only_schemas_of_extensions_were_not_looked_at(report):
    unseen = [line for line in report.stderr.splitlines() if line.startswith(UNSEEN)]
    assert unseen
    assert [
        line for line in unseen if not line.startswith(f"{UNSEEN}https://stac-extensions.github.io/")
    ] == []


def test_every_class_of_the_stac_api_is_advertised_that_is_validated():
    advertised = set(CONFORMANCE)
    for name in (*CLASSES, "transaction"):
        uri = {
            "features": "ogcapi-features", "filter": "item-search#filter",
            "transaction": "ogcapi-features/extensions/transaction",
        }.get(name, name.replace("features#", "ogcapi-features#"))  # fmt: skip
        assert f"https://api.stacspec.org/v1.0.0/{uri}" in advertised
