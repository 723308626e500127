"""Where code comes from: an address, through the one door, or not at all."""

from __future__ import annotations

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eocene
from eocene.model import EoceneError
from tests.process.graphs import call
from tests.process.udf.places import cube, needs_walls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.workspace import Workspace

pytestmark = needs_walls
DOUBLE = b"def apply_datacube(cube, context):\n    return cube * 2\n"


class Pages(BaseHTTPRequestHandler):
    """Serves code, and what is not."""

    def do_GET(self) -> None:
        """Answer by the path."""
        found = {
            "/code/double.py": DOUBLE,
            "/code/binary.py": b"\xff\xfe\n",
            "/code/large.py": b"#" * (2 << 20),
        }
        body = found.get(self.path, b"")
        self.send_response(302 if self.path == "/code/away.py" else 200 if self.path in found else 404)
        if self.path == "/code/away.py":
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/secret.py")  # type: ignore[attr-defined]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep silent."""


@contextmanager
def serve_pages() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with serve_pages() as url:
        monkeypatch.setenv("EOCENE_REMOTE", f"{url}/code/")
        monkeypatch.setenv("EOCENE_REMOTE_PRIVATE", url.removeprefix("http://"))
        yield url


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with eocene.open(tmp_path / "ws") as opened:
        yield opened


def run(workspace: Workspace, address: str) -> Any:
    udf = call("run_udf", result=True, data={"from_parameter": "cube"}, udf=address, runtime="Python")
    return eocene.run({"u": udf}, workspace=workspace, parameters={"cube": cube()})


def test_code_comes_from_an_address_that_the_operator_allows(workspace: Workspace, pages: str) -> None:
    np.testing.assert_array_equal(run(workspace, f"{pages}/code/double.py").values, cube().values * 2)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/code/large.py", "larger"),
        ("/code/binary.py", "UTF-8"),
        ("/code/none.py", "does not exist"),
        ("/code/away.py", "prefixes"),
        ("/secret.py", "prefixes"),
        ("/code/../secret.py", "prefixes|plain"),
    ],
)
def test_what_is_no_code_or_lies_elsewhere_is_refused(
    workspace: Workspace, pages: str, path: str, told: str
) -> None:
    with pytest.raises(EoceneError, match=told) as caught:
        run(workspace, pages + path)
    assert caught.value.status < 500


@pytest.mark.parametrize(
    "address",
    ["https://example.org/udf.py", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd",
     "s3://bucket/udf.py", "ftp://example.org/udf.py"],
)  # fmt: skip
def test_addresses_that_nobody_allowed_are_not_even_asked(workspace: Workspace, address: str) -> None:
    with pytest.raises(EoceneError, match=r"prefixes|no address of the web"):
        run(workspace, address)


def test_a_private_address_wants_its_own_permission(
    workspace: Workspace, pages: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EOCENE_REMOTE_PRIVATE")
    with pytest.raises(EoceneError, match="not a public address"):
        run(workspace, f"{pages}/code/double.py")
