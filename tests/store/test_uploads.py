"""Files of users in a real object store behave as those on a disk: the same calls, the same answers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from eocene.archive import Archive
from eocene.archive.fetch import MissingError
from eocene.jobs.stored_uploads import open_uploads
from eocene.jobs.uploads import Uploads
from eocene.model import EoceneError, InputError, Layout
from eocene.process.loads.files import resolve_upload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from eocene.archive.store import Bucket

STRANGE = "Ä b/50% #?~.geojson"


def send(uploads: Uploads, path: str, data: bytes, limit: int = 1000, room: int | None = None) -> None:
    upload = uploads.receive(path, limit, room)
    try:
        upload.write(data)
        upload.publish()
    finally:
        upload.discard()


def tell(call: Callable[[], Any]) -> Any:
    """Return what a call returns, or the code of its error."""
    try:
        return call()
    except EoceneError as error:
        return type(error).__name__, error.code


def use(uploads: Uploads) -> list[Any]:
    """Do to uploads what users do, right and wrong, and return all answers."""
    told = [
        tell(lambda: send(uploads, STRANGE, b"12345")),
        tell(lambda: send(uploads, "plain", b"1")),
        tell(lambda: send(uploads, "plain", b"22")),
        tell(lambda: send(uploads, "plain", b"333", limit=2)),
        tell(lambda: send(uploads, "plain", b"4444", room=1)),
        tell(lambda: send(uploads, "plain/inside", b"")),
        tell(lambda: send(uploads, "Ä b", b"")),
        tell(lambda: send(uploads, "../outside", b"")),
        [(file["path"], file["size"]) for file in uploads.list()],
        uploads.describe(STRANGE)["size"],
        uploads.open("plain").read(0, 10),
        tell(lambda: uploads.locate("Ä b")),
        tell(lambda: uploads.locate("none")),
        tell(lambda: uploads.delete("none")),
        tell(lambda: uploads.delete(STRANGE)),
        [file["path"] for file in uploads.list()],
    ]
    return [*told, sorted(path.name for path in uploads.layout.incoming.iterdir())]


def test_uploads_answer_as_those_on_a_disk(store: Bucket, tmp_path: Path) -> None:
    layout = Layout(tmp_path, "ada")
    stored = open_uploads(layout)
    assert use(stored) == use(Uploads(layout))
    assert [entry.name for entry in store.list("")] == ["files/ada/plain"]
    assert stored.measure() == 2
    assert open_uploads(Layout(tmp_path, "bo")).list() == []


def test_graphs_read_uploads_of_their_user_alone(store: Bucket, tmp_path: Path) -> None:
    send(open_uploads(Layout(tmp_path, "ada")), "a/fields.geojson", b"{}")
    archive = Archive(Layout(tmp_path))
    ada, bo = archive.of("ada"), archive.of("bo")
    first = resolve_upload(ada, "a/fields.geojson")
    assert (first.name, first.read_bytes()) == ("fields.geojson", b"{}")
    assert resolve_upload(ada, "/a/fields.geojson") == first
    send(open_uploads(Layout(tmp_path, "ada")), "a/fields.geojson", b"{ }")
    assert resolve_upload(ada, "a/fields.geojson").read_bytes() == b"{ }"
    url = store.href("files/ada/a/fields.geojson")
    assert ada.door().open(url).read(0, 9) == b"{ }"
    for path in ("a/fields.geojson", "../ada/a/fields.geojson", "../../files/ada/a/fields.geojson"):
        with pytest.raises(InputError, match="no file"):
            resolve_upload(bo, path)
    with pytest.raises(MissingError):
        bo.door().open(url)
    with pytest.raises(MissingError):
        bo.door().resolve(os.fspath(first))
    archive.close()
