"""Users keep files: what comes back is what was sent, nobody else sees it, and nothing is half there."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.serve.conftest import read_error

from eocene.jobs.uploads import Uploads
from eocene.model import InputError, Layout

FILES = "/openeo/1.2/files"


@pytest.fixture
def send(server):
    def upload(path, content):
        return server.client.put(f"{FILES}/{path}", content=content, headers=server.as_user())

    yield upload
    for file in server.get(FILES, headers=server.as_user()).json()["files"]:
        server.client.delete(f"{FILES}/{file['path']}", headers=server.as_user())


def test_a_file_comes_back_byte_by_byte_from_a_folder_with_unusual_names(server, send):
    content = bytes(range(256)) * 20_000
    sent = send("europe/%C3%B6sterreich/m%C3%BCn ster.shp", content)
    assert sent.status_code == 200
    assert sent.json()["path"] == "europe/österreich/mün ster.shp"
    assert sent.json()["size"] == len(content)
    got = server.get(f"{FILES}/europe/%C3%B6sterreich/m%C3%BCn ster.shp", headers=server.as_user())
    assert got.headers["content-type"] == "application/octet-stream"
    assert hashlib.sha256(got.content).digest() == hashlib.sha256(content).digest()


def test_files_are_listed_flat_in_pages_replaced_and_deleted_with_their_empty_folders(
    server, send, workspace
):
    for path in ("b/c/one.txt", "a.txt", "b/two.txt"):
        send(path, b"1")
    send("a.txt", b"longer")
    user = server.as_user()
    listed = server.get(FILES, headers=user).json()["files"]
    assert [(file["path"], file["size"]) for file in listed] == [
        ("a.txt", 6),
        ("b/c/one.txt", 1),
        ("b/two.txt", 1),
    ]
    page = server.get(f"{FILES}?limit=2", headers=user).json()
    following = next(link["href"] for link in page["links"] if link["rel"] == "next")
    assert page["files"] + server.get(following, headers=user).json()["files"] == listed
    assert server.client.delete(f"{FILES}/b/c/one.txt", headers=user).status_code == 204
    assert read_error(server.get(f"{FILES}/b/c/one.txt", headers=user)) == (404, "FileNotFound")
    assert sorted(p.name for p in (workspace.files / server.user / "b").iterdir()) == ["two.txt"]


@pytest.mark.parametrize(
    "path", ["a/%2e%2e/b", "..%2f..%2fstate.sqlite", "a//b", "%00", "a%5cb", "x" * 300, "/".join("y" * 40)]
)
def test_a_path_that_leads_elsewhere_is_refused(server, send, path):
    assert read_error(send(path, b"x")) == (400, "FilePathInvalid")


def test_a_folder_is_neither_sent_nor_overwritten_nor_deleted(server, send):
    send("folder/file", b"x")
    user = server.as_user()
    for answer in (
        server.get(f"{FILES}/folder", headers=user),
        send("folder", b"y"),
        server.client.delete(f"{FILES}/folder", headers=user),
    ):
        assert read_error(answer) == (400, "FileOperationUnsupported")
    assert read_error(send("folder/file/below", b"y")) == (400, "FilePathInvalid")


def test_another_user_sees_none_of_it(server, send):
    send("secret.txt", b"x")
    server.app.state.rooms.users.set_password("other", "a-long-password")
    token = server.get("/openeo/1.2/credentials/basic", auth=("other", "a-long-password")).json()[
        "access_token"
    ]
    other = {"Authorization": f"Bearer basic//{token}"}
    assert server.get(FILES, headers=other).json()["files"] == []
    assert read_error(server.get(f"{FILES}/secret.txt", headers=other)) == (404, "FileNotFound")
    assert read_error(server.get(f"{FILES}/secret.txt")) == (401, "AuthenticationRequired")


def test_a_graph_reads_the_uploads_of_its_user_and_of_nobody_else(server, send):
    place = {"type": "Point", "coordinates": [9.0, 48.0]}
    feature = {"type": "Feature", "properties": {}, "geometry": place}
    send("mine.geojson", json.dumps({"type": "FeatureCollection", "features": [feature]}).encode())
    server.app.state.rooms.users.set_password("other", "a-long-password")
    answer = server.get("/openeo/1.2/credentials/basic", auth=("other", "a-long-password"))
    other = {"Authorization": f"Bearer basic//{answer.json()['access_token']}"}
    arguments = {"url": f"files/{server.user}/mine.geojson", "format": "GeoJSON"}
    graph = {"load": {"process_id": "load_url", "arguments": arguments, "result": True}}
    asked = {"process": {"process_graph": graph}}
    read = server.client.post("/openeo/1.2/result", json=asked, headers=server.as_user())
    assert read.status_code == 200
    refused = server.client.post("/openeo/1.2/result", json=asked, headers=other)
    assert refused.status_code == 400
    assert refused.json()["code"] == "FileNotFound"


def test_an_upload_that_breaks_off_leaves_the_old_file_and_no_trace(server, send, workspace):
    send("kept.txt", b"old")

    def broken():
        yield b"new" * 1000
        raise ConnectionError

    with httpx.Client(base_url=server.url) as client, suppress(ConnectionError, httpx.HTTPError):
        client.put(f"{FILES}/kept.txt", content=broken(), headers=server.as_user())
    assert server.get(f"{FILES}/kept.txt", headers=server.as_user()).content == b"old"
    assert not any(workspace.incoming.iterdir())


def test_a_file_that_is_too_large_or_beyond_the_quota_is_refused_and_not_kept(tmp_path):
    uploads = Uploads(Layout(tmp_path, "me"))
    for limit, room, code in ((10, None, "FileSizeExceeded"), (100, 10, "StorageQuotaExceeded")):
        upload = uploads.receive("a.bin", limit, room)
        with pytest.raises(InputError) as caught:
            upload.write(b"x" * 11)
        upload.discard()
        assert caught.value.code == code
    assert uploads.list() == []
    assert not any((tmp_path / "incoming").iterdir())


@settings(max_examples=200)
@given(st.text(max_size=40), st.text(min_size=1, max_size=20))
def test_whatever_path_and_account_there_are_nothing_is_written_outside(tmp_path_factory, path, account):
    root = tmp_path_factory.getbasetemp() / "paths"
    uploads = Uploads(Layout(root, account))
    assert uploads.folder.parent == root / "files"
    try:
        upload = uploads.receive(path, 10)
    except InputError:
        return
    upload.discard()
    assert upload.place.resolve().is_relative_to(uploads.folder.resolve())
    assert upload.place != uploads.folder
