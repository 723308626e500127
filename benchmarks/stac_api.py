"""How long a search takes through the STAC API, with a hundred whole items.

A server on the loopback, one client with one connection; the items are those of benchmarks/catalogue.py. Run
with ``python benchmarks/stac_api.py [items]``; prints one JSON object. Times are milliseconds: of the wall,
and of the processor in the server's process (``cpu``), which other work on the machine disturbs less.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from catalogue import make_items

from eocene.archive import SqliteCatalogue

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 10_000
QUERIES = 200
COLLECTION = "sentinel-2-l2a"
EXTENT = {
    "spatial": {"bbox": [[-180, -90, 180, 90]]},
    "temporal": {"interval": [["2022-01-01T00:00:00Z", None]]},
}
SERVE = "import sys; from eocene.serve import serve; serve(sys.argv[1], port=int(sys.argv[2]), workers=0)"
CLEAR = {"op": "<", "args": [{"property": "eo:cloud_cover"}, 20]}


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    client: httpx.Client

    def cpu_s(self) -> float:
        """Return the seconds of processor that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fill(folder: Path, count: int) -> None:
    """Make a workspace with so many items, a few at a time."""
    (folder / "eocene.json").write_text("{}")
    catalogue = SqliteCatalogue(folder / "catalogue.sqlite")
    catalogue.put_collection(
        {"type": "Collection", "id": COLLECTION, "description": "-", "license": "other", "extent": EXTENT}
    )
    for seed, first in enumerate(range(0, count, BATCH)):
        items = make_items(min(BATCH, count - first), seed=seed + 1)
        catalogue.put_items([item | {"id": f"{item['id']}_{seed}"} for item in items])
    catalogue.close()


def make_bodies(days: int, seed: int = 2) -> list[dict[str, Any]]:
    """Return searches of 10° × so many days with few clouds, newest 100."""
    rng = np.random.default_rng(seed)
    bodies = []
    for _ in range(QUERIES):
        west, south = float(rng.uniform(-180, 170)), float(rng.uniform(-60, 60))
        start = np.datetime64("2022-01-01") + np.timedelta64(int(rng.integers(0, 1095 - days)), "D")
        time_span = f"{start}T00:00:00Z/{start + np.timedelta64(days, 'D')}T00:00:00Z"
        bodies.append(
            {
                "collections": [COLLECTION], "bbox": [west, south, west + 10, south + 10],
                "datetime": time_span, "limit": 100, "filter": CLEAR,
            }
        )  # fmt: skip
    return bodies


def measure(server: Server, ask: Callable[[Any], httpx.Response], questions: list[Any]) -> dict[str, float]:
    """Return median and 95th percentile of the wall, the mean of the processor, and what came back."""
    ask(questions[0])
    walls, items, sizes = [], [], []
    before = server.cpu_s()
    for question in questions:
        start = time.perf_counter()
        answer = ask(question)
        walls.append((time.perf_counter() - start) * 1e3)
        items.append(len(answer.raise_for_status().json()["features"]))
        sizes.append(len(answer.content))
    return {
        "p50_ms": round(float(np.median(walls)), 2),
        "p95_ms": round(float(np.percentile(walls, 95)), 2),
        "cpu_ms": round((server.cpu_s() - before) / len(questions) * 1e3, 2),
        "items": round(float(np.mean(items)), 1),
        "kilobytes": round(float(np.mean(sizes)) / 1e3),
    }


def ask_all(server: Server) -> dict[str, Any]:
    """Return the figures of all questions."""

    def search(body: dict[str, Any]) -> httpx.Response:
        return server.client.post("/stac/search", json=body)

    month, year = make_bodies(30), make_bodies(365, seed=3)
    wide = [body | {"bbox": [-180, -90, 180, 90]} for body in month]
    pages = [{"limit": 100, "collections": [COLLECTION]}] * QUERIES
    few = [body | {"fields": {"include": ["properties.datetime"]}} for body in wide]
    return {
        "10_degrees_a_month": measure(server, search, month),
        "10_degrees_a_year": measure(server, search, year),
        "world_a_month_100_whole_items": measure(server, search, wide),
        "newest_100_whole_items": measure(server, search, pages),
        "world_a_month_100_items_few_fields": measure(server, search, few),
    }


def main(count: int = 100_000) -> dict[str, Any]:
    """Fill a catalogue, serve it, and return the figures."""
    with tempfile.TemporaryDirectory() as name:
        fill(Path(name), count)
        port = int(os.environ.get("PORT", "8093"))
        process = subprocess.Popen([sys.executable, "-c", SERVE, name, str(port)], stderr=subprocess.DEVNULL)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                _wait(client)
                return {"items": count, "limit": 100, **ask_all(Server(process, client))}
        finally:
            process.terminate()
            process.wait()


def _wait(client: httpx.Client) -> None:
    for _ in range(600):
        try:
            client.get("/health").raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000), indent=1))
