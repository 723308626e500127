"""How fast the catalogue takes items in and finds them, beside a bare R*Tree in the same run.

The floor is SQLite's R*Tree with the same boxes in degrees and seconds, and the items' JSON beside it:
nothing is checked, put in order or read. Searches are for 10° × a month × cloud cover < 20 and for
10° × a year, the newest 100, whole items. Run with ``python benchmarks/catalogue.py [items]``, 100,000 if
it is not said; prints one JSON object.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from eocene.archive import Search, SqliteCatalogue
from eocene.model import TimeSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Query = tuple[tuple[float, float, float, float], TimeSpan]

BATCH = 50_000
QUERIES = 300
ROUNDS = 5
LIMIT = 100
COLLECTION = "sentinel-2-l2a"
CLEAR = "eo:cloud_cover < 20"
FLOOR = "SELECT id FROM boxes WHERE w <= ? AND e >= ? AND s <= ? AND n >= ? AND t0 < ? AND t1 >= ?"
BANDS = ("B02", "B03", "B04", "B08", "B11", "B12", "SCL")


def make_items(count: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yield Sentinel-2-like items of 1.1° on land latitudes over three years."""
    rng = np.random.default_rng(seed)
    west, south = rng.uniform(-180, 178.8, count), rng.uniform(-60, 70, count)
    minutes = rng.integers(0, 3 * 365 * 1440, count)
    moments = np.datetime64("2022-01-01", "s") + minutes.astype("timedelta64[m]")
    covers = rng.uniform(0, 100, count).round(2)
    for i, place in enumerate(zip(west, south, moments, covers, strict=True)):
        yield _make_item(i, *place)


def _make_item(number: int, west: float, south: float, moment: np.datetime64, cover: float) -> dict[str, Any]:
    w, s, e, n = float(west), float(south), float(west) + 1.1, float(south) + 1.1
    asset = {
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "roles": ["data"],
        "proj:shape": [10980, 10980],
        "proj:transform": [10.0, 0.0, 600000.0, 0.0, -10.0, 5200020.0],
        "raster:scale": 0.0001,
        "raster:offset": -0.1,
        "nodata": 0,
        "data_type": "uint16",
    }
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": f"S2_{number:07d}",
        "collection": "sentinel-2-l2a",
        "geometry": {
            "type": "Polygon",  # slightly turned, as tiles are, so that it is not its own box
            "coordinates": [[[w, s], [e, s + 0.01], [e - 0.01, n], [w + 0.01, n - 0.01], [w, s]]],
        },
        "bbox": [w, s, e, n],
        "properties": {
            "datetime": f"{moment}Z",
            "eo:cloud_cover": float(cover),
            "platform": f"sentinel-2{'ab'[number % 2]}",
            "proj:code": "EPSG:32632",
        },
        "links": [],
        "assets": {band: asset | {"href": f"/data/{number}/{band}.tif"} for band in BANDS},
    }


def make_queries(days: int, size: float = 10.0, seed: int = 2) -> list[Query]:
    """Return boxes of some degrees with a span of some days each."""
    rng = np.random.default_rng(seed)
    queries = []
    for _ in range(QUERIES):
        west, south = rng.uniform(-180, 180 - size), rng.uniform(-60, 71 - size)
        start = np.datetime64("2022-01-01", "s") + np.timedelta64(int(rng.integers(0, 3 * 365 - days)), "D")
        span = TimeSpan(start, start + np.timedelta64(days, "D"))
        queries.append(((float(west), float(south), float(west + size), float(south + size)), span))
    return queries


class Floor:
    """A bare R*Tree of boxes and times in seconds and degrees, with the documents beside it."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.execute("PRAGMA cache_size = -262144")
        self.connection.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS boxes USING rtree (id, w, e, s, n, t0, t1)"
        )
        self.connection.execute(
            "CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY, document TEXT)"
        )

    def put(self, items: list[dict[str, Any]], first: int) -> None:
        """Add items: their boxes and times, and their JSON, unchecked."""
        self.connection.execute("BEGIN")
        boxes, documents = [], []
        for number, item in enumerate(items, first):
            west, south, east, north = item["bbox"]
            moment = datetime.fromisoformat(item["properties"]["datetime"]).timestamp()
            boxes.append((number, west, east, south, north, moment, moment))
            documents.append((number, orjson.dumps(item).decode()))
        self.connection.executemany("INSERT INTO boxes VALUES (?, ?, ?, ?, ?, ?, ?)", boxes)
        self.connection.executemany("INSERT INTO documents VALUES (?, ?)", documents)
        self.connection.execute("COMMIT")

    def ask(self, query: Query) -> list[Any]:
        """Return the numbers of all items that perhaps match: no cloud cover, no order, no documents."""
        (west, south, east, north), span = query
        values = (east, west, north, south, _seconds(span.end), _seconds(span.start))
        return self.connection.execute(FLOOR, values).fetchall()


def _seconds(moment: Any) -> int:
    return int(np.datetime64(moment, "s").astype(int))


def fill(folder: Path, count: int) -> tuple[float, float]:
    """Put the same items into a catalogue and a floor, by turns, and return the CPU seconds of each."""
    catalogue, floor = SqliteCatalogue(folder / "catalogue.sqlite"), Floor(folder / "floor.sqlite")
    catalogue.put_collection({"type": "Collection", "id": COLLECTION})
    items, ours, bare = make_items(count), 0.0, 0.0
    for first in range(0, count, BATCH):
        batch = list(islice(items, BATCH))
        start = time.process_time()
        catalogue.put_items(batch)
        middle = time.process_time()
        floor.put(batch, first)
        ours, bare = ours + middle - start, bare + time.process_time() - middle
    catalogue.close()
    floor.connection.close()
    return ours, bare


def measure(action: Callable[[Any], Any], arguments: Sequence[Any]) -> dict[str, float]:
    """Return milliseconds of single calls: median and 95th percentile.

    Each call is made first when what it reads was read by few others before; then again some times, of which
    the least counts, since other work on the machine only ever adds.
    """
    cpu, wall = np.zeros((2, 1 + ROUNDS, len(arguments)))
    for turn in range(1 + ROUNDS):
        for number, argument in enumerate(arguments):
            start = time.process_time_ns(), time.perf_counter_ns()
            action(argument)
            cpu[turn, number] = (time.process_time_ns() - start[0]) / 1e6
            wall[turn, number] = (time.perf_counter_ns() - start[1]) / 1e6
    figures = {}
    for name, turns in (("first", slice(0, 1)), ("again", slice(1, None))):
        for label, times, q in (("cpu_p50", cpu, 50), ("cpu_p95", cpu, 95), ("wall_p50", wall, 50)):
            figures[f"{name}_{label}_ms"] = round(float(np.percentile(times[turns].min(axis=0), q)), 3)
    return figures


def main(count: int = 100_000) -> dict[str, Any]:
    """Fill both, ask both the same questions, and return the figures."""
    month, year = make_queries(30), make_queries(365)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalogue.sqlite"
        # In a process of its own: the memory of so many items, even given back, would slow down searches.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as filler:
            ours, bare = filler.submit(fill, Path(folder), count).result()
        catalogue, floor = SqliteCatalogue(path), Floor(Path(folder) / "floor.sqlite")

        def search(query: Query, **more: Any) -> Search:
            return Search(bbox=query[0], span=query[1], limit=LIMIT, **more)

        def ask(query: Query, **more: Any) -> list[Any]:
            return catalogue.search(search(query, **more))

        result = {
            "items": count,
            "put_items_per_cpu_s": round(count / ours),
            "floor_items_per_cpu_s": round(count / bare),
            "put_to_floor": round(ours / bare, 2),
            "bytes_per_item": round(sum(file.stat().st_size for file in path.parent.glob("cat*")) / count),
            "found_mean": {
                "month_clear": float(np.mean([len(ask(query, filter=CLEAR)) for query in month])),
                "year": float(np.mean([len(ask(query)) for query in year])),
            },
            "floor": {"month": measure(floor.ask, month), "year": measure(floor.ask, year)},
            "search": {
                "month_clear": measure(lambda q: ask(q, filter=CLEAR), month),
                "month": measure(ask, month),
                "year": measure(ask, year),
                "year_clear": measure(lambda q: ask(q, filter=CLEAR), year),
                "world_day": measure(ask, make_queries(1, 130.0)),
                "newest": measure(lambda _: catalogue.search(Search(limit=LIMIT)), month),
                "collection_clear": measure(
                    lambda _: catalogue.search(Search((COLLECTION,), filter=CLEAR, limit=LIMIT)), month
                ),
                "second_page": measure(
                    lambda pair: catalogue.page(search(pair[0]), pair[1]),
                    [(q, catalogue.page(search(q)).next) for q in year],
                ),
            },
            "count_year": measure(lambda q: catalogue.count(search(q)), year),
            "months_of_year": measure(lambda q: catalogue.aggregate(search(q), "month"), year),
            "by_id": measure(lambda n: catalogue.item(COLLECTION, f"S2_{n:07d}"), range(QUERIES)),
        }  # fmt: skip
        for name, span in (("month_clear", "month"), ("year", "year")):
            ratio = result["search"][name]["again_cpu_p50_ms"] / result["floor"][span]["again_cpu_p50_ms"]
            result[f"search_to_floor_{name}"] = round(ratio, 2)
        floor.connection.close()
        catalogue.close()
    return result


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000), indent=1))
