"""A server in a process of its own: what its answers take of processor time and of the clock."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_ENVIRONMENT = {  # what titiler's documentation recommends; it changes nothing for others
    "GDAL_CACHEMAX": "200", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "VSI_CACHE": "TRUE",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768", "VSI_CACHE_SIZE": "5000000",
}  # fmt: skip


class Server:
    """A server that is started, asked, and ended with the block."""

    def __init__(self, *command: object) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self._port = listening.getsockname()[1]
        arguments = [str(part) for part in (*command, self._port)]
        self._process = subprocess.Popen(arguments, env=os.environ | _ENVIRONMENT)

    def __enter__(self) -> Server:
        deadline = time.monotonic() + 60
        while True:
            try:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port)
                self._connection.connect()
                return self
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.__exit__()
                    raise
                time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def get(self, path: str) -> bytes:
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path} → {answer.status}: {body[:500]!r}")
        return body

    def forget(self) -> None:
        """Let it forget decoded blocks, if it keeps any."""
        self._process.send_signal(signal.SIGUSR1)
        time.sleep(0.005)

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    def measure(self, paths: list[str], *, cold: bool = False) -> dict[str, Any]:
        """Return milliseconds of processor time and of the clock for each answer, asked one after another."""
        before, waits = self.cpu_s(), []
        for path in paths:
            if cold:
                self.forget()
            begun = time.perf_counter()
            self.get(path)
            waits.append(1000 * (time.perf_counter() - begun))
        cpu_ms = 1000 * (self.cpu_s() - before) / len(paths)
        return {"cpu_ms": round(cpu_ms, 2), "p50_ms": round(statistics.median(waits), 2)}
