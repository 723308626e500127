"""A server that is killed with its worker: what it acknowledged is there when it runs again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from tests.recovery.conftest import is_running


def start(world, port, lines):
    """Start the product's server with its worker; return its process and a logged-in client."""
    command = [sys.executable, "-m", "eocene.cli", "serve", "-w", str(world.layout.root), "--port", str(port)]
    with lines.open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}/openeo/1.2", timeout=60)
    deadline = time.monotonic() + 180
    while True:
        assert process.poll() is None, lines.read_text()
        assert time.monotonic() < deadline
        try:
            client.get("/")
            break
        except httpx.HTTPError:
            time.sleep(0.05)
    password = re.search(r"password (\S+)", lines.read_text())[1]
    token = client.get("/credentials/basic", auth=("eocene", password)).json()["access_token"]
    client.headers["Authorization"] = f"Bearer basic//{token}"
    return process, client


def find_workers(server):
    """Return the numbers of the processes that the server started."""
    threads = Path(f"/proc/{server}/task").glob("*/children")
    return [int(number) for file in threads for number in file.read_text().split()]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def check_servers(world, tmp_path, kills, capsys):
    lines, port, acknowledged, resumed = tmp_path / "log", free_port(), [], []
    body = {"process": {"process_graph": world.graph}, "title": "kept"}
    server, client = start(world, port, lines)
    running = client.post("/jobs", content=json.dumps(body)).headers["OpenEO-Identifier"]
    assert client.post(f"/jobs/{running}/results").status_code == 202
    for kill in range(kills):
        deadline = time.monotonic() + 180
        while client.get(f"/jobs/{running}").json().get("progress", 0) < 5 * (kill + 1):
            assert time.monotonic() < deadline
            acknowledged.append(client.post("/jobs", content=json.dumps(body)).headers["OpenEO-Identifier"])
            time.sleep(0.02)
        workers = find_workers(server.pid)
        os.kill(server.pid, signal.SIGKILL)
        for pid in workers if kill % 2 else []:
            os.kill(pid, signal.SIGKILL)
        server.wait()
        client.close()
        since = time.monotonic()
        server, client = start(world, port, lines)
        while client.get(f"/jobs/{running}").json()["status"] == "queued":
            assert time.monotonic() < since + 120
            time.sleep(0.05)
        resumed.append(time.monotonic() - since)
    assert max(resumed) < 30 or kills == 1  # a single one on a busy machine says little
    deadline = time.monotonic() + 180
    while (status := client.get(f"/jobs/{running}").json()["status"]) in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert status == "finished", client.get(f"/jobs/{running}/logs").json()
    assert all(client.get(f"/jobs/{job}").json()["status"] == "created" for job in acknowledged)
    workers = find_workers(server.pid)
    server.terminate()
    server.wait(60)
    client.close()
    assert not any(is_running(pid) for pid in workers)
    with capsys.disabled():
        print(f"\n{kills} servers killed, {len(acknowledged)} acknowledged jobs kept, "
              f"back at work after {max(resumed):.1f} s at most")  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_killed_server_goes_on_with_its_job_when_it_runs_again(world, tmp_path, capsys):
    check_servers(world, tmp_path, 1, capsys)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_twelve_killed_servers_lose_nothing(world, tmp_path, capsys):
    check_servers(world, tmp_path, 12, capsys)
