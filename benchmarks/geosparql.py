"""Near pairs of 5,000 parcels and 200 water bodies: GeoSPARQL, geopandas and the evaluator's own functions.

Run: ``python benchmarks/geosparql.py``. Prints one JSON object; ratios above 1 say how many times
slower than geopandas' ``sjoin_dwithin`` on frames that are in memory and in metres already.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from pyoxigraph import Store

from eocene.link import PREFIXES, LinkStore, layer_graph, map_features, map_parcels

METRES = 500
QUESTION = """SELECT ?p ?w {
  ?p a ecn:Parcel ; geo:hasGeometry/geo:asWKT ?x . ?w a ecn:WaterBody ; geo:hasGeometry/geo:asWKT ?y .
  FILTER(geof:distance(?x, ?y, uom:metre) < 500) }"""


def draw_boxes(rng: np.random.Generator, count: int, size: float) -> gpd.GeoDataFrame:
    x, y = rng.uniform(600_000, 630_000, count), rng.uniform(5_300_000, 5_330_000, count)
    side = rng.uniform(size / 2, size, count)
    return gpd.GeoDataFrame(
        {"id": np.arange(count)}, geometry=shapely.box(x, y, x + side, y + side), crs=32632
    )


def measure(call: Any, repeats: int = 3) -> tuple[float, Any]:
    """Return the best CPU seconds of a few runs and the last result."""
    best, result = float("inf"), None
    for _ in range(repeats):
        began = time.process_time()
        result = call()
        best = min(best, time.process_time() - began)
    return best, result


def ask_builtin(store: Store) -> int:
    return len(list(store.query(QUESTION, prefixes=PREFIXES)))


def load_store(folder: str, parcels: gpd.GeoDataFrame, water: gpd.GeoDataFrame) -> tuple[LinkStore, float]:
    began = time.process_time()
    store = LinkStore(Path(folder) / "graph")
    store.load(map_parcels(parcels), layer_graph("parcels"))
    store.load(map_features(water, layer="water", kind="WaterBody"), layer_graph("water"))
    return store, time.process_time() - began


def main() -> None:
    rng = np.random.default_rng(0)
    parcels, water = draw_boxes(rng, 5000, 200), draw_boxes(rng, 200, 400)
    with tempfile.TemporaryDirectory() as folder:
        store, loading = load_store(folder, parcels, water)
        index_s, _ = measure(lambda: store.metric_frame, 1)
        ours_s, ours = measure(lambda: store.query(QUESTION, limit=1_000_000))
        joined_s, joined = measure(lambda: gpd.sjoin(parcels, water, predicate="dwithin", distance=METRES))
        evaluator = store._current().evaluator
        pairwise_s, pairwise = measure(lambda: evaluator.answer(QUESTION, limit=1_000_000, narrow=False), 1)
        builtin_s, builtin = measure(lambda: ask_builtin(evaluator.store), 1)
        store.close()
    figures = {
        "pairs": {"ours": len(ours), "geopandas": len(joined), "pairwise": len(pairwise), "builtin": builtin},
        "cpu_s": {
            "load": loading,
            "index": index_s,
            "ours": ours_s,
            "geopandas": joined_s,
            "pairwise": pairwise_s,
            "builtin": builtin_s,
        },
        "ours_to_geopandas": ours_s / joined_s,
        "pairwise_to_ours": pairwise_s / ours_s,
        "equal": len(ours) == len(joined) == len(pairwise),
    }
    json.dump(figures, sys.stdout, indent=1, default=float)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
