"""Every endpoint of the specification is there, and what openEO's profiles ask for beyond it."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.serve.conftest import SPECIFICATION

from eocene.process import registry

if TYPE_CHECKING:
    from tests.serve.conftest import Running

PROFILES = SPECIFICATION.with_name("openeo-profiles.csv")
WHERE_CONFIGURED = {("GET", "/credentials/oidc")}
"""It is listed where the operator names a provider; see ``test_oidc.py``."""
METHODS = {"get", "post", "put", "patch", "delete"}
NOT_OFFERED = {
    "ard_normalized_radar_backscatter",
    "ard_surface_reflectance",
    "atmospheric_correction",
    "run_udf_externally",
    "unflatten_dimensions",  # misspelt there
}


@pytest.fixture(scope="module")
def offered(server: Running) -> set[tuple[str, str]]:
    """Method and path, with {} for what varies, of what the capabilities list."""
    listed = server.get("/openeo/1.2/").json()["endpoints"]
    found = {(method, strip(one["path"])) for one in listed for method in one["methods"]}
    return found | {("GET", "/"), ("GET", "/.well-known/openeo")} | WHERE_CONFIGURED


@pytest.fixture(scope="module")
def wanted() -> list[dict[str, str]]:
    if not PROFILES.exists():
        pytest.skip("openEO's profiles are not beside the checkout")
    with PROFILES.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def strip(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def test_every_endpoint_of_the_specification_is_offered(
    specification: dict[str, Any], offered: set[tuple[str, str]]
) -> None:
    specified = {
        (method.upper(), strip(path))
        for path, operations in specification["paths"].items()
        for method in operations.keys() & METHODS
    }
    assert len(specified) == 39
    assert specified <= offered


def test_every_endpoint_of_the_profiles_is_offered(
    wanted: list[dict[str, str]], offered: set[tuple[str, str]]
) -> None:
    named = {
        (method, strip(path))
        for row in wanted
        if row["kind"] == "api"
        for method, path in re.findall(
            r"`(GET|POST|PUT|PATCH|DELETE) (/[^` ]*)`", row["functionality_or_process"]
        )
    }
    assert len(named) == 40
    assert named - {("GET", "/credentials/*")} <= offered  # "at least one of them"


def test_every_process_of_the_profiles_is_offered_but_these(
    wanted: list[dict[str, str]],
) -> None:
    names = {row["number_or_id"] for row in wanted if row["kind"] == "processes"}
    assert len(names) == 148
    assert names - {spec["id"] for spec in registry.specs()} == NOT_OFFERED


def test_lists_come_in_pages_whose_links_lead_through_all_of_it(server: Running) -> None:
    for path, key in (("/processes", "processes"), ("/collections", "collections")):
        whole = [one["id"] for one in server.get(f"/openeo/1.2{path}").json()[key]]
        found, href = [], f"/openeo/1.2{path}?limit=3"
        while href:
            page = server.get(href).json()
            assert len(page[key]) <= 3
            found += [one["id"] for one in page[key]]
            href = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
        assert found == whole
