"""A server that is told to stop: it says where it was, cuts no request off and gives its jobs back."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
from tests.command import SCRIPT
from tests.serve.conftest import make_ndvi

import eocene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def start(folder: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``eocene serve --port 0`` and yield the process and the address that it prints."""
    import os

    command = [SCRIPT, "serve", "-w", str(folder), "--port", "0"]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=os.environ | environment, **options) as process:
        try:
            yield process, json.loads(process.stdout.readline())["url"]
        finally:
            process.kill()


def test_no_request_is_cut_off_and_the_log_follows_a_job(folder, extent):
    json_log = {"EOCENE_LOG_LEVEL": "info", "EOCENE_LOG_FORMAT": "json"}
    with start(folder, **json_log) as (process, url), httpx.Client(base_url=url, timeout=120) as client:
        token = client.get("/openeo/1.2/credentials/basic", auth=("ada", "correct horse")).json()
        client.headers["Authorization"] = f"Bearer basic//{token['access_token']}"
        body = {"process": {"process_graph": make_ndvi(extent)}}
        job = client.post("/openeo/1.2/jobs", json=body).headers["openeo-identifier"]
        assert client.post(f"/openeo/1.2/jobs/{job}/results").status_code == 202
        answers: list[httpx.Response] = []

        def ask() -> None:
            answers.append(
                httpx.post(f"{url}/openeo/1.2/result", json=body, headers=client.headers, timeout=120)
            )

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for thread in asking:
            thread.start()
        deadline = time.monotonic() + 60
        while "eocene_requests_in_progress 5.0" not in client.get("/metrics").text:
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGTERM)
        for thread in asking:
            thread.join(60)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0
    assert [answer.status_code for answer in answers] == [200] * 4
    assert all(len(answer.content) > 1000 for answer in answers)
    with eocene.open(folder) as ws:
        assert ws.jobs.get(job).status in ("queued", "finished")
    told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert {line["request"] for line in told if line.get("route") == "/openeo/1.2/result"} == {
        answer.headers["x-request-id"] for answer in answers
    }
    assert any(line.get("job") == job for line in told)
    assert not [line for line in told if line["level"] in ("warning", "error")]
