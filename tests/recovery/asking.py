"""A server's application that is asked while its disk fails: prints what it answered, as a line of JSON.

Arguments: workspaces. In each one the disk fails in the way that is the name of its folder, such as ENOSPC.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from fastapi.testclient import TestClient
from tests.recovery.disk import Fault, run_watched

from eocene.serve import create_app

PROCESS = {"process_graph": {"add1": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}}


def log_in(root):
    """Return a client, and the address of a job that is there."""
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed):
        app = create_app(root, workers=0)
    client = TestClient(app, base_url="http://localhost/openeo/1.2", raise_server_exceptions=False)
    password = printed.getvalue().partition("password ")[2].partition(" ")[0]
    token = client.get("/credentials/basic", auth=("eocene", password)).json()["access_token"]
    client.headers["Authorization"] = f"Bearer basic//{token}"
    made = client.post("/jobs", json={"process": PROCESS, "title": "old"})
    client.put("/files/old.bin", content=b"old").raise_for_status()
    return client, f"/jobs/{made.raise_for_status().headers['OpenEO-Identifier']}"


def ask(client, job):
    """Ask for things to be written, and for old ones; print each answer: status and text."""
    answers = {
        "create a job": client.post("/jobs", json={"process": PROCESS}),
        "change a job": client.patch(job, json={"title": "new"}),
        "start a job": client.post(f"{job}/results"),
        "delete a job": client.delete(job),
        "upload a file": client.put("/files/new.bin", content=b"new" * 100_000),
        "replace a file": client.put("/files/old.bin", content=b"new" * 100_000),
        "read a job": client.get(job),
        "read the jobs": client.get("/jobs"),
        "read a file": client.get("/files/old.bin"),
        "read the files": client.get("/files"),
    }
    print(
        json.dumps({name: (answer.status_code, answer.text) for name, answer in answers.items()}), flush=True
    )


def main():
    """Ask in one workspace after the other."""
    logging.disable()
    for folder in map(Path, sys.argv[1:]):
        run_watched(ask, folder, Fault(folder.name, 1, lasts=True), prepare=lambda root=folder: log_in(root))


if __name__ == "__main__":
    main()
