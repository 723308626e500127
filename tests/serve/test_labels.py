"""Labelling over HTTP: what a page or any other client asks, says and takes back, and who may."""

from __future__ import annotations

import re

import numpy as np
import pytest
from tests.serve.conftest import read_error

from eocene.curate import Samples
from eocene.learn import ModelSpec
from eocene.learn.active import begin_labelling


@pytest.fixture(scope="module")
def name(workspace):
    rng = np.random.default_rng(0)
    labels = rng.integers(1, 3, 60)
    features = (labels[:, None] + 0.2 * rng.normal(size=(60, 2))).astype(np.float32)
    place = 4_000_000 + 1000.0 * np.arange(60)
    axes = {"features": ("red", "nir")}
    samples = Samples(features, labels, place, place, 3035, axes, {1: "water", 2: "land"}, name="ponds")
    samples.save(workspace.datasets)
    return begin_labelling(
        workspace, samples.id, spec=ModelSpec(settings={"n_estimators": 5}), first=6, step=4
    )


def test_a_sample_is_asked_labelled_counted_and_taken_back(server, name):
    user = server.as_user()
    listed = server.get("/labels", headers=user).json()["labellings"]
    assert [one["id"] for one in listed] == [name]
    before = server.get(f"/labels/{name}", headers=user).json()
    question = server.get(f"/labels/{name}/next?count=2", headers=user).json()["samples"][0]
    assert question["kind"] == "rows"
    assert [number["name"] for number in question["numbers"]] == ["red", "nir"]
    state = server.post(f"/labels/{name}", {"sample": float(question["sample"]), "class": 2.0}).json()
    assert state["labels"] == before["labels"] + 1
    assert state["authors"] == {server.user: state["labels"]}
    (feature, *_) = server.get(f"/labels/{name}/export", headers=user).json()["features"]
    assert feature["properties"]["name"] == "land"
    assert feature["properties"]["author"] == server.user
    assert feature["geometry"]["coordinates"] == [question["lon"], question["lat"]]
    places = server.get(f"/labels/{name}/places", headers=user).json()
    assert places["labels"][places["sample"].index(question["sample"])] == 2
    taken = server.client.delete(f"/labels/{name}", headers=user).json()
    assert taken["sample"]["sample"] == question["sample"]
    assert taken["state"]["labels"] == before["labels"]


@pytest.mark.parametrize(
    "body", [{}, {"sample": 1}, {"sample": "1", "class": 1}, {"sample": True, "class": 1},
             {"sample": 1, "class": 7}, {"sample": 999, "class": 1}, {"sample": -1, "class": None},
             {"sample": 1, "class": 1.5}, {"sample": 1, "class": 1, "more": 1}],
)  # fmt: skip
def test_what_is_no_label_is_refused_and_nothing_kept(server, name, body):
    user = server.as_user()
    before = server.get(f"/labels/{name}/export", headers=user).json()
    assert read_error(server.post(f"/labels/{name}", body))[0] == 400
    assert server.get(f"/labels/{name}/export", headers=user).json() == before


def test_who_has_not_logged_in_sees_and_says_nothing(server, name):
    for path in ("/labels", f"/labels/{name}", f"/labels/{name}/next", f"/labels/{name}/places"):
        assert server.get(path).status_code == 401
    assert server.client.post(f"/labels/{name}", json={"sample": 1, "class": 1}).status_code == 401
    assert server.client.delete(f"/labels/{name}").status_code == 401


def test_a_token_that_may_only_read_labels_nothing(server, name):
    body = {"title": "reader", "scope": "read"}
    token = server.post("/account/tokens", body).json()["token"]
    reader = {"Authorization": f"Bearer {token}"}
    assert server.get(f"/labels/{name}", headers=reader).status_code == 200
    answer = server.client.post(f"/labels/{name}", json={"sample": 1, "class": 1}, headers=reader)
    assert answer.status_code == 403


def test_what_is_not_labelled_is_not_found(server):
    assert server.get("/labels/none", headers=server.as_user()).status_code == 404
    assert server.get("/labels/..%2Fmodels", headers=server.as_user()).status_code == 404


def test_the_page_loads_its_own_files_only_and_runs_no_script_of_others(server, name):
    page = server.get(f"/label/{name}")
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(set(named)) == 3
    for file in named:
        answer = server.get(f"/label/{file}")
        assert answer.status_code == 200
        assert not re.search(rb"https?://(?!www\.w3\.org)", answer.content)
    for wrong in ("..%2Flabels.py", "none.js", "%00"):
        assert server.get(f"/label/files/{wrong}").status_code == 404
