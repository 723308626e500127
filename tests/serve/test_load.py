"""Many users at once: nobody meets an error, memory stays, and one who floods hardly delays the others."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.serve.conftest import make_ndvi
from tests.serve.test_stopping import start

import eocene

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

BROWSED = (
    "/openeo/1.2/collections", "/openeo/1.2/jobs", "/openeo/1.2/processes", "/stac/collections",
    "/stac/search?limit=10", "/stac/collections/sentinel-2-l2a", "/openeo/1.2/services",
)  # fmt: skip

TURNS = 15
SECONDS = float(os.environ.get("EOCENE_LOAD_SECONDS", "300"))


@dataclass
class Load:
    """Users at a server, what they met and how long they waited (seconds)."""

    url: str
    tokens: dict[str, str]
    graph: dict[str, Any]
    tiles: str = ""
    waits: list[tuple[float, str, float]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)

    async def run(self, seconds: float, think_s: float, flooding: int = 0) -> None:
        """Let all users work for a time; the first of them by so many requests at once, if asked."""
        until = time.monotonic() + seconds
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=self.url, timeout=120, limits=limits) as client:
            names = list(self.tokens)
            flood = [self._flood(client, names[0], until) for _ in range(flooding)]
            users = [self._use(client, name, until, think_s) for name in names[1:]]
            await asyncio.gather(self._watch(client, until), *flood, *users)

    async def _use(self, client: httpx.AsyncClient, name: str, until: float, think_s: float) -> None:
        chance = random.Random(name)  # noqa: S311
        await asyncio.sleep(chance.uniform(0, think_s))
        while time.monotonic() < until:
            kind = chance.choices(("browse", "tile", "graph"), (10, 10, 1))[0]
            began = time.monotonic()
            await self._ask(client, name, kind, chance)
            self.waits.append((began, kind, time.monotonic() - began))
            await asyncio.sleep(chance.uniform(0.5, 1.5) * think_s)

    async def _flood(self, client: httpx.AsyncClient, name: str, until: float) -> None:
        chance = random.Random()  # noqa: S311
        while time.monotonic() < until:
            await self._ask(client, name, chance.choice(("tile", "tile", "graph")), chance)

    async def _ask(self, client: httpx.AsyncClient, name: str, kind: str, chance: random.Random) -> None:
        headers = {"Authorization": f"Bearer basic//{self.tokens[name]}"}
        if kind == "graph":
            answer = await client.post("/openeo/1.2/result", json=self.graph, headers=headers)
        else:
            path = chance.choice(BROWSED) if kind == "browse" else self._choose_tile(chance)
            answer = await client.get(path, headers=headers)
        self.statuses[answer.status_code] += 1
        if answer.status_code == 429:
            await asyncio.sleep(0.2)

    def _choose_tile(self, chance: random.Random) -> str:
        zoom = chance.choice((10, 11, 12, 13))
        column, row = (int(part * 2**zoom) + chance.choice((-1, 0, 1)) for part in self._middle)
        return self.tiles.format(z=zoom, x=column, y=row)

    _middle: tuple[float, float] = (0.5, 0.5)

    def aim(self, lon: float, lat: float) -> None:
        """Look at the map around a place."""
        from math import asinh, pi, radians, tan

        self._middle = (lon + 180) / 360, (1 - asinh(tan(radians(lat))) / pi) / 2

    async def _watch(self, client: httpx.AsyncClient, until: float) -> None:
        while time.monotonic() < until:
            families = text_string_to_metric_families((await client.get("/metrics")).text)
            self.memory += [f.samples[0].value for f in families if f.name == "process_resident_memory_bytes"]
            await asyncio.sleep(0.5)

    def waits_since(self, since: float) -> list[float]:
        """Return what the users waited for requests that began since an instant."""
        return [wait for began, _, wait in self.waits if began >= since]


def measure_turn(load: Load, seconds: float, think_s: float) -> tuple[list[float], list[float]]:
    """Return what users wait (s), first without a flood and then with one.

    In turns, as whatever else the machine does would else be taken for the flood's work.
    """
    calm_since = time.monotonic()
    asyncio.run(load.run(seconds, think_s))
    calm, flooded_since = load.waits_since(calm_since), time.monotonic()
    asyncio.run(load.run(seconds, think_s, flooding=16))
    return calm, load.waits_since(flooded_since)


def find_p95(turns: Iterable[list[float]]) -> float:
    """Return the 95th percentile of the waits of all turns."""
    return statistics.quantiles(itertools.chain.from_iterable(turns), n=20)[-1]


def start_load(folder: Path, url: str, extent: dict[str, Any], users: int) -> Load:
    """Make users, and a map layer that all of them look at."""
    with eocene.open(folder) as ws:
        names = [f"user-{number}" for number in range(users)]
        ws.users.set_password(names[0], "correct horse")
        for name in names[1:]:
            ws.users.set_password(name, "correct horse")
        tokens = {name: ws.users.issue_token(name) for name in names}
    graph = {"process": {"process_graph": make_ndvi(extent)}}
    load = Load(url, tokens, graph)
    load.aim((extent["west"] + extent["east"]) / 2, (extent["south"] + extent["north"]) / 2)
    whole = make_ndvi(extent, format="PNG")
    whole["load"]["arguments"]["spatial_extent"] = None
    layer = {"title": "NDVI", "type": "XYZ", "process": {"process_graph": whole}, "configuration": {}}
    headers = {"Authorization": f"Bearer basic//{tokens[names[0]]}"}
    made = httpx.post(f"{url}/openeo/1.2/services", json=layer, headers=headers, timeout=60)
    assert made.status_code == 201, made.text
    shown = httpx.get(made.headers["location"], headers=headers, timeout=60).json()
    load.tiles = shown["url"].removeprefix(url)
    return load


@pytest.mark.parametrize(
    ("users", "seconds", "think_s"),
    [(9, 5.0, 0.25), pytest.param(51, SECONDS, 1.5, marks=[pytest.mark.long, pytest.mark.timeout(1200)])],
    ids=["a few users for seconds", "50 users for 5 minutes"],
)
def test_users_meet_no_errors_and_one_who_floods_hardly_delays_them(folder, extent, users, seconds, think_s):
    with start(folder) as (process, url):
        load = start_load(folder, url, extent, users)
        asyncio.run(load.run(seconds / 5, think_s))
        load.memory.clear()
        count = TURNS if seconds >= 60 else 1
        turns = [measure_turn(load, seconds / count / 2, think_s) for _ in range(count)]
        assert process.poll() is None
    calm, flooded = (find_p95(waits) for waits in zip(*turns, strict=True))
    memory, ratio = load.memory, flooded / calm
    third = max(1, len(memory) // 3)
    growth = statistics.median(memory[-third:]) / statistics.median(memory[:third])
    print(f"p95 {calm:.3f} s, flooded × {ratio:.2f}; memory × {growth:.3f}; {dict(load.statuses)}")
    assert set(load.statuses) <= {200, 204, 429}
    assert max(memory) < 2e9
    if seconds >= 60:  # seconds say nothing of speed, and caches are still being filled
        assert load.statuses[200] > users * seconds / think_s / 4
        assert growth < 1.1
        assert ratio <= 2
