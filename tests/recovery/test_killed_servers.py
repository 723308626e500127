"""Servers, their workers, or both are killed at random moments: what was acknowledged is there afterwards."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.ports import claim_port
from tests.recovery.test_killed_workers import RESUME_S, measure_life
from tests.recovery.world import await_that, is_running


class Service:
    """The product's server with its worker, as processes that can be killed, and a logged-in client."""

    def __init__(self, world, port, log):
        self._world, self._port, self._log = world, port, log
        self._process = None
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}/openeo/1.2", timeout=60)

    def start(self):
        root = str(self._world.layout.root)
        command = [sys.executable, "-m", "eocene.cli", "serve", "-w", root, "--port", str(self._port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        await_that(self._answers)
        password = re.search(r"password (\S+)", self._log.read_text())[1]
        token = self.client.get("/credentials/basic", auth=("eocene", password)).json()["access_token"]
        self.client.headers["Authorization"] = f"Bearer basic//{token}"

    def _answers(self):
        if self._process.poll() is not None:
            raise RuntimeError(f"the server ended: {self._log.read_text()[-2000:]}")
        with contextlib.suppress(httpx.HTTPError):
            return self.client.get("/").status_code == 200

    def is_dead(self):
        return self._process is None or self._process.poll() is not None

    def workers(self):
        """Return the numbers of the processes that the server started."""
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        return [int(number) for file in threads for number in file.read_text().split()]

    def kill(self, whom):
        workers = self.workers() if whom != "server" else []
        for pid in [self._process.pid] * (whom != "worker") + workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self):
        """End as an operator would; return the workers that live on."""
        workers = [] if self.is_dead() else self.workers()
        self._process.terminate()
        self._process.wait(60)
        self.client.close()
        return [pid for pid in workers if is_running(pid)]


@dataclass
class Acknowledged:
    """What the server said that it had done."""

    created: dict[str, str] = field(default_factory=dict)
    queued: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def ask(self, client, graph, number):
        """Let something be done; it is noted as soon as the server has said that it is."""
        title = "kept" if number % 40 == 3 else f"first {number}"  # which stands in the results
        body = {"process": {"process_graph": graph}, "title": title}
        job = client.post("/jobs", json=body).raise_for_status().headers["OpenEO-Identifier"]
        if number % 4 == 0:
            client.delete(f"/jobs/{job}").raise_for_status()
            self.deleted.append(job)
        elif number % 4 == 1:
            content = os.urandom(200)
            client.put(f"/files/{number}.bin", content=content).raise_for_status()
            self.files[f"{number}.bin"] = content
        elif number % 4 == 2:
            client.patch(f"/jobs/{job}", json={"title": f"second {number}"}).raise_for_status()
            self.created[job] = f"second {number}"
        elif number % 40 == 3:
            client.post(f"/jobs/{job}/results").raise_for_status()
            self.queued.append(job)
        else:
            self.created[job] = f"first {number}"

    def find_lost(self, client):
        """Say what is not as it was acknowledged."""
        lost = [job for job in self.deleted if client.get(f"/jobs/{job}").status_code != 404]
        lost += [name for name, sent in self.files.items() if client.get(f"/files/{name}").content != sent]
        for job, title in self.created.items():
            found = client.get(f"/jobs/{job}").json()
            if (found.get("status"), found.get("title")) != ("created", title):
                lost.append(job)
        return lost

    def __len__(self):
        return len(self.created) + len(self.queued) + len(self.deleted) + len(self.files)


def active(world):
    return [job for job in world.store.list() if job.status in ("queued", "running")]


def is_held_by_another(world, held):
    """Tell whether no job that was active is held by its worker of then any more, and one is by another."""
    jobs = active(world)
    return not jobs or any(job.worker and job.worker not in held for job in jobs)


def kill_services(world, service, kills, seed):
    """Kill while a client asks for things; return what was acknowledged, and the seconds to resume."""
    chance = random.Random(seed)  # noqa: S311
    acknowledged, resumed, number = Acknowledged(), [], 0
    for kill in range(kills):
        world.queue()
        whom = ("both", "server", "worker")[kill % 3]
        killer = threading.Timer(chance.uniform(0, 3), service.kill, [whom])
        killer.start()
        with contextlib.suppress(httpx.TransportError):
            while killer.is_alive():
                acknowledged.ask(service.client, world.graph, number)
                number += 1
        killer.join()
        held = {job.worker for job in active(world)}
        since = time.monotonic()
        if whom != "worker":
            await_that(service.is_dead)
            service.start()
        await_that(lambda held=held: is_held_by_another(world, held))
        resumed.append(time.monotonic() - since)
    return acknowledged, resumed


@pytest.mark.parametrize(
    ("database", "kills"),
    [
        ("sqlite", 2),
        *(
            pytest.param(where, 40, marks=(pytest.mark.long, pytest.mark.timeout(3600)))
            for where in ("sqlite", "postgres")
        ),
    ],
    indirect=["database"],
)
def test_what_a_server_acknowledged_outlives_it(world, nursery, kills, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EOCENE_JOBS", '{"attempts": 10000}')
    reference, _ = measure_life(world, nursery)
    with claim_port() as port:
        service = Service(world, port, tmp_path / "log")
        service.start()
        acknowledged, resumed = kill_services(world, service, kills, seed=kills)
        await_that(lambda: not active(world))
        lost = acknowledged.find_lost(service.client)
        left = service.stop()
    with capsys.disabled():
        print(
            f"\n{kills} times a server, its worker or both killed: {len(acknowledged)} acknowledged things, "
            f"{len(lost)} lost; at work again after {max(resumed):.1f} s at most"
        )
    assert lost == []
    assert left == []
    finished = {job.id for job in world.store.list() if job.id not in acknowledged.created}
    finished = {job_id for job_id in finished if world.store.get(job_id).status != "created"}
    assert {reference.id, *acknowledged.queued} <= finished
    assert world.find_damage(world.digest(reference.id), finished) == []
    assert max(resumed) <= RESUME_S
