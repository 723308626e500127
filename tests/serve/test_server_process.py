"""The server as a process: it tells the password once, and ends when it is told to."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import httpx
import pytest
from tests.ports import claim_port

from eocene.archive import Archive
from eocene.model import Layout

COMMAND = "import sys; from eocene.serve import serve; serve(sys.argv[1], port=int(sys.argv[2]), user='ada')"


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    layout.marker.write_text("{}")
    Archive(layout).catalogue.close()
    return layout


def start(layout, port):
    command = [sys.executable, "-c", COMMAND, str(layout.root), str(port)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def run_once(layout):
    """Start a server, wait until it answers, end it; return what it printed."""
    with claim_port() as port, start(layout, port) as process:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/health", timeout=30).json()["workers"] == 1
                break
            except httpx.TransportError:
                assert process.poll() is None
                time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, printed = process.communicate(timeout=90)
    assert process.returncode in (0, -signal.SIGTERM)
    return printed


def test_the_password_is_printed_at_the_first_start_only(layout):
    first = run_once(layout)
    assert first.startswith("First start: log in as 'ada' with the password ")
    assert run_once(layout) == ""
