"""schemathesis at work on a real server in a process of its own, as two users and as nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from tests.ports import claim_port

from eocene.archive import Archive
from eocene.jobs import Users
from eocene.model import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
REPOSITORY = Path(__file__).parents[3]
PEERS = ("ada", "bert")
"""The first may also edit the catalogue; neither may see what is the other's."""

PASSWORD = "correct horse battery staple"
COMMAND = """
import sys
from eocene.jobs import Quota
from eocene.serve import serve
serve(sys.argv[1], port=int(sys.argv[2]), editors=("ada",), quota=Quota())
"""
_AUTH = """
[auth.wfc]
path = "{path}"
peers = ["ada", "bert"]
"""


@dataclass(frozen=True)
class Fuzzed:
    """A server under fuzzing.

    ``log`` is what it writes while it runs, ``tokens`` what opens it, by user.
    """

    url: str
    log: Path
    tokens: dict[str, str]

    def list_faults(self) -> list[str]:
        """Return what the server itself calls an error in its log."""
        return [line for line in self.log.read_text().splitlines() if " ERROR " in line]


@contextmanager
def run_fuzzed(archive: Path, folder: Path) -> Iterator[Fuzzed]:
    """Serve a new workspace with these products in a process of its own, for as long as the block lasts."""
    layout = Layout(folder / "workspace")
    layout.root.mkdir(parents=True)
    layout.marker.write_text("{}")
    catalogue = Archive(layout)
    catalogue.ingest(archive)
    catalogue.catalogue.close()
    users = Users(layout)
    for name in PEERS:
        users.set_password(name, PASSWORD)
    tokens = {name: users.issue_token(name) for name in PEERS}
    users.close()
    log = folder / "server.log"
    with claim_port() as port, log.open("wb") as stream:
        command = [sys.executable, "-c", COMMAND, str(layout.root), str(port)]
        with subprocess.Popen(command, stdout=stream, stderr=stream) as process:
            try:
                url = f"http://127.0.0.1:{port}"
                _await_answer(url, process)
                yield Fuzzed(url, log, tokens)
            finally:
                process.terminate()
                process.wait(90)


def _await_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended before it answered"
        try:
            if httpx.get(f"{url}/health", timeout=30).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the server did not answer within three minutes")


def run_schemathesis(fuzzed: Fuzzed, folder: Path, *options: str, anonymous: bool = False) -> dict[str, Any]:
    """Let schemathesis ask the server, with all of its checks; return its report.

    Parameters
    ----------
    fuzzed : Fuzzed
        The server.
    folder : Path
        Where reports and configuration are written.
    *options : str
        Further options of its command line, such as how many cases.
    anonymous : bool
        Ask as nobody, in place of two users each of whom tries to read what the other made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    users, configuration, report = folder / "users.json", folder / "schemathesis.toml", folder / "report.json"
    users.write_text(json.dumps({"auth": [_describe_user(name, fuzzed) for name in PEERS]}))
    extra = "" if anonymous else _AUTH.format(path=users)
    # Tables of TOML go on to the next, so what is added stands before the first.
    head, _, rest = CONFIGURATION.read_text().partition("\n[dictionaries")
    configuration.write_text(f"{head}\n{extra}\n[dictionaries{rest}")
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--no-color",
        "--config-file", str(configuration), "run", f"{fuzzed.url}/openapi.json",
        "--checks", "all", "--continue-on-failure", "--no-shrink",
        "--report", "json", "--report-json-path", str(report), *options,
    ]  # fmt: skip
    environment = os.environ | {
        "PYTHONPATH": str(REPOSITORY),
        "EOCENE_FUZZ_USER": PEERS[0],
        "EOCENE_FUZZ_PASSWORD": PASSWORD,
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    (folder / "output.txt").write_text(done.stdout + done.stderr)
    assert report.is_file(), done.stdout + done.stderr
    told: dict[str, Any] = json.loads(report.read_text())
    return told | {"output": done.stdout + done.stderr}


def _describe_user(name: str, fuzzed: Fuzzed) -> dict[str, Any]:
    header = {"name": "Authorization", "value": f"Bearer basic//{fuzzed.tokens[name]}"}
    return {"name": name, "fixedHeaders": [header]}
