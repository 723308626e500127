"""How fast the catalogue takes items in and finds them, beside a bare R*Tree in the same run.

The floor is SQLite's R*Tree with the same boxes and nothing else: no JSON, no exactness, no order.
Run with ``python benchmarks/catalogue.py [items]``; prints one JSON object, times in CPU seconds.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from eocene.archive import Catalogue, Search
from eocene.model import TimeSpan

BATCH = 5_000
QUERIES = 300
LIMIT = 100
FLOOR = "SELECT id FROM boxes WHERE w <= ? AND e >= ? AND s <= ? AND n >= ? AND t0 < ? AND t1 >= ? LIMIT ?"
BANDS = ("B02", "B03", "B04", "B08", "B11", "B12", "SCL")


def make_items(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Return Sentinel-2-like items of 1.1° on land latitudes over three years."""
    rng = np.random.default_rng(seed)
    west, south = rng.uniform(-180, 178.8, count), rng.uniform(-60, 70, count)
    minutes = rng.integers(0, 3 * 365 * 1440, count)
    moments = np.datetime64("2022-01-01", "s") + minutes.astype("timedelta64[m]")
    covers = rng.uniform(0, 100, count).round(2)
    return [_make_item(i, *place) for i, place in enumerate(zip(west, south, moments, covers, strict=True))]


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


def make_queries(seed: int = 2) -> list[tuple[float, float, float, float, TimeSpan]]:
    """Return boxes of 0.2 to 20 degrees with a quarter of a year each."""
    rng = np.random.default_rng(seed)
    queries = []
    for _ in range(QUERIES):
        size = 10 ** rng.uniform(np.log10(0.2), np.log10(20))
        west, south = rng.uniform(-180, 180 - size), rng.uniform(-60, 70 - size / 2)
        start = np.datetime64("2022-01-01", "s") + np.timedelta64(int(rng.integers(0, 1000)), "D")
        span = TimeSpan(start, start + np.timedelta64(90, "D"))
        queries.append((float(west), float(south), float(west + size), float(south + size), span))
    return queries


def fill_floor(path: Path, items: list[dict[str, Any]]) -> sqlite3.Connection:
    """Return a bare R*Tree of the items' boxes and times."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE VIRTUAL TABLE boxes USING rtree (id, w, e, s, n, t0, t1)")
    for start in range(0, len(items), BATCH):
        connection.execute("BEGIN")
        for number, item in enumerate(items[start : start + BATCH], start):
            west, south, east, north = item["bbox"]
            moment = _seconds(item["properties"]["datetime"].rstrip("Z"))
            row = (number, west, east, south, north, moment, moment)
            connection.execute("INSERT INTO boxes VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute("COMMIT")
    return connection


def _seconds(moment: Any) -> int:
    return int(np.datetime64(moment, "s").astype(int))


def measure(action: Any, arguments: list[Any]) -> dict[str, float]:
    """Return the CPU milliseconds of single calls: median and 95th percentile."""
    times = []
    for argument in arguments:
        start = time.process_time_ns()
        action(argument)
        times.append((time.process_time_ns() - start) / 1e6)
    return {"p50_ms": round(float(np.median(times)), 3), "p95_ms": round(float(np.percentile(times, 95)), 3)}


def main(count: int = 100_000) -> dict[str, Any]:
    """Fill both, ask both the same questions, and return the figures."""
    items, queries = make_items(count), make_queries()
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Catalogue(Path(folder) / "catalogue.sqlite")
        catalogue.put_collection({"type": "Collection", "id": "sentinel-2-l2a"})
        start = time.process_time()
        for first in range(0, count, BATCH):
            catalogue.put_items(items[first : first + BATCH])
        ours = count / (time.process_time() - start)
        start = time.process_time()
        floor = fill_floor(Path(folder) / "floor.sqlite", items)
        bare = count / (time.process_time() - start)

        def ask_floor(query: Any) -> list[Any]:
            west, south, east, north, span = query
            values = (east, west, north, south, _seconds(span.end), _seconds(span.start), LIMIT)
            return floor.execute(FLOOR, values).fetchall()

        def ask(query: Any, **more: Any) -> list[Any]:
            return catalogue.search(Search(bbox=query[:4], span=query[4], limit=LIMIT, **more))

        ids = [item["id"] for item in items[:QUERIES]]
        result = {
            "items": count,
            "put_items_per_cpu_s": round(ours),
            "floor_items_per_cpu_s": round(bare),
            "put_to_floor": round(bare / ours, 2),
            "found_mean": round(float(np.mean([len(ask(query)) for query in queries])), 1),
            "floor": measure(ask_floor, queries),
            "search": measure(ask, queries),
            "search_count": measure(lambda q: catalogue.count(Search(bbox=q[:4], span=q[4])), queries),
            "search_cloud": measure(lambda q: ask(q, filter="eo:cloud_cover < 20"), queries),
            "newest_100": measure(lambda _: catalogue.search(Search(limit=LIMIT)), queries[:50]),
            "by_id": measure(lambda q: catalogue.item("sentinel-2-l2a", q), ids),
        }
        for quantile in ("p50", "p95"):
            ratio = result["search"][f"{quantile}_ms"] / result["floor"][f"{quantile}_ms"]
            result[f"search_to_floor_{quantile}"] = round(ratio, 2)
        floor.close()
        catalogue.close()
    return result


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000), indent=1))
