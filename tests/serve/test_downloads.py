"""Signed links open one file for some time, and nothing else."""

from __future__ import annotations

import tempfile
import time

import pytest
from tests.serve.conftest import make_ndvi, read_error

from eocene.model import ForbiddenError
from eocene.serve.errors import LinkExpiredError
from eocene.serve.signing import check_signature, sign, sign_link

KEY = b"k" * 32


@pytest.fixture(scope="module")
def results(server, extent):
    body = {"process": {"process_graph": make_ndvi(extent)}}
    home = server.post("/openeo/1.2/jobs", body).headers["Location"]
    server.post(f"{home}/results", None)
    deadline = time.monotonic() + 60
    while server.get(home, headers=server.as_user()).json()["status"] != "finished":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return server.get(f"{home}/results", headers=server.as_user()).json()


def find_link(results, relation):
    return next(link["href"] for link in results["links"] if link["rel"] == relation)


def test_a_link_works_without_a_login_and_leads_on(server, results):
    document = server.get(find_link(results, "canonical")).json()
    assert document["id"] == results["id"]
    item = server.get(find_link(document, "item")).json()
    assert item["type"] == "Feature"
    asset = next(iter(item["assets"].values()))
    content = server.get(asset["href"])
    assert content.headers["content-type"] == "image/tiff"
    assert len(content.content) == asset["file:size"]
    part = server.get(asset["href"], headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, content.content[:4])
    assert server.get(find_link(document, "derived_from")).json()["collection"] == "sentinel-2-l2a"


def test_a_range_beyond_a_packed_folder_is_refused_and_leaves_nothing_behind(
    server, results, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    place = f"/results/{results['id']}/cube.zarr.zip"
    size = len(server.get(place, headers=server.as_user()).content)
    answer = server.get(place, headers=server.as_user() | {"Range": f"bytes={size}-"})
    assert read_error(answer) == (416, "RangeNotSatisfiable")
    assert answer.headers["content-range"] == f"bytes */{size}"
    part = server.get(place, headers=server.as_user() | {"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"PK\x03\x04")
    deadline = time.monotonic() + 30
    while list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_another_file_is_not_made_by_changing_it(server, results):
    href = find_link(results, "canonical")
    name = href.rpartition("/")[2].partition("?")[0]
    assert read_error(server.get(href.replace(name, "cube.zarr.zip")))[0] == 403
    assert read_error(server.get(href.replace("expires=", "expires=9")))[0] == 403
    assert read_error(server.get(href.partition("?")[0])) == (401, "AuthenticationRequired")
    assert server.get(href.partition("?")[0], headers=server.as_user()).status_code == 200


@pytest.mark.parametrize(
    "name",
    [
        "../../state.sqlite",
        "%2e%2e/%2e%2e/state.sqlite",
        "none.tif",
        "%00",
        "%00.json",
        "%00.zip",
        "cube.zarr",
    ],
)
def test_no_file_outside_the_results_is_sent(server, results, name):
    answer = server.get(f"/results/{results['id']}/{name}", headers=server.as_user())
    assert read_error(answer)[0] == 404


def test_an_expired_link_is_gone(server):
    path = "/results/j-1/a.tif"
    expired = sign_link(server.app.state.rooms.signing_key, path, int(time.time()) - 1)
    assert read_error(server.get(expired)) == (410, "ResultLinkExpired")


def test_signatures_are_of_key_path_and_time():
    good = sign(KEY, "/a", 100)
    check_signature(KEY, "/a", 100, good, now=99)
    for key, path, expires in ((b"x" * 32, "/a", 100), (KEY, "/b", 100), (KEY, "/a", 101)):
        with pytest.raises(ForbiddenError):
            check_signature(key, path, expires, good, now=99)
    with pytest.raises(LinkExpiredError):
        check_signature(KEY, "/a", 100, good, now=101)
