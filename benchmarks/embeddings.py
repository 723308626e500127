"""Search among a million vectors: recall against brute force, time of a query, of building, and size.

``python benchmarks/embeddings.py`` draws clustered vectors as encoders make them (clusters of very unequal
size and spread, on a space of fewer dimensions than numbers), keeps 1,000 of the same kind apart as queries,
writes an index, opens it in a process of its own, and asks one query at a time on one thread, plain and
within a box. Processor time stands beside the clock's, for machines that others use too. ``--kind noise``
draws vectors without any form, which no list can sort.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from eocene.learn.embed import Embeddings, VectorStore
from eocene.learn.embed.index import VectorIndex
from eocene.learn.embed.vectors import normalise

BOX = (0.0, 0.0, 40.0, 40.0)
QUERIES, FIRST = 1000, 10


def draw_vectors(count: int, width: int, kind: str, seed: int) -> np.ndarray:
    """Return (count, width) float32: clusters on subspaces of 16 dimensions, or plain noise."""
    random = np.random.default_rng(seed)
    if kind == "noise":
        return random.standard_normal((count, width), dtype=np.float32)
    clusters, families = 2000, 40
    centres = random.standard_normal((clusters, width), dtype=np.float32)
    shares = random.dirichlet(np.full(clusters, 0.3))
    which = random.choice(clusters, count, p=shares)
    spread = (0.25 * random.uniform(0.3, 1.2, clusters)).astype(np.float32)
    vectors = centres[which] + spread[which, None] * random.standard_normal((count, width), dtype=np.float32)
    for family in range(families):
        basis = 0.25 * random.standard_normal((16, width), dtype=np.float32)
        rows = np.flatnonzero(which % families == family)
        vectors[rows] += random.standard_normal((len(rows), 16), dtype=np.float32) @ basis
    return vectors


def make_embeddings(vectors: np.ndarray) -> Embeddings:
    """Give vectors places and times, drawn at random."""
    random = np.random.default_rng(1)
    n = len(vectors)
    return Embeddings(
        vectors=vectors, lon=random.uniform(-180, 180, n), lat=random.uniform(-80, 80, n),
        time=np.datetime64("2024-01-01", "s") + random.integers(0, 366, n) * np.timedelta64(86400, "s"),
        ids=np.char.add("p", np.arange(n).astype(str)), name="benchmark",
    )  # fmt: skip


def find_truth(vectors: np.ndarray, queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the (q, 10) rows of the largest inner products, by comparing with all: numpy, float32."""
    best: list[np.ndarray] = []
    for first in range(0, len(queries), 100):
        scores = queries[first : first + 100] @ vectors[rows].T
        top = np.argpartition(-scores, FIRST, axis=1)[:, :FIRST]
        best.append(rows[top])
    return np.concatenate(best)


def percentiles(spent: list[float]) -> dict[str, float]:
    """Return the median and the slow end."""
    return {f"p{share}": round(float(np.percentile(spent, share)), 2) for share in (50, 95, 99)}


def ask(folder: Path) -> dict[str, Any]:
    """Open an index and ask it; what the parent process compares with the truth comes back."""
    begun = time.perf_counter()
    index = VectorIndex(folder)
    opened = time.perf_counter() - begun
    queries = np.load(folder.parent / "queries.npy")
    told: dict[str, Any] = {"open_s": round(opened, 2), "measured": vars(index.measured)}
    for name, box in (("plain", None), ("box", BOX)):
        spent, worked, rows = [], [], []
        for query in queries:
            start, work = time.perf_counter(), time.thread_time()
            hits = index.search(query, FIRST, bbox=box)
            spent.append(1000 * (time.perf_counter() - start))
            worked.append(1000 * (time.thread_time() - work))
            rows.append([hit.row for hit in hits])
        told[name] = {
            "ms": percentiles(spent), "cpu_ms": percentiles(worked), "first_ms": round(spent[0], 2),
            "rows": rows,
        }  # fmt: skip
    told["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return told


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--kind", choices=("clusters", "noise"), default="clusters")
    parser.add_argument("--ask", type=Path)
    options = parser.parse_args()
    if options.ask:
        print(json.dumps(ask(options.ask)))
        return
    drawn = draw_vectors(options.count + QUERIES, options.width, options.kind, seed=0)
    queries = normalise(drawn[options.count :])
    embeddings = make_embeddings(drawn[: options.count])
    del drawn
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "queries.npy", queries)
        begun = time.perf_counter()
        index = VectorStore(Path(folder)).write(embeddings)
        built = time.perf_counter() - begun
        size = {path.name: path.stat().st_size for path in index.folder.iterdir()}
        command = [sys.executable, __file__, "--ask", str(index.folder)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        told = json.loads(done.stdout)
    everywhere = np.arange(len(embeddings))
    west, south, east, north = BOX
    inside = (embeddings.lon >= west) & (embeddings.lon <= east)
    inside &= (embeddings.lat >= south) & (embeddings.lat <= north)
    for name, rows in (("plain", everywhere), ("box", np.flatnonzero(inside))):
        truth = find_truth(embeddings.vectors, queries, rows)
        found = told[name].pop("rows")
        hits = [len(set(t) & set(f)) for t, f in zip(truth.tolist(), found, strict=True)]
        told[name] = {"recall@10": sum(hits) / (FIRST * QUERIES), "among": len(rows), **told[name]}
    figures = {"kind": options.kind, "count": options.count, "width": options.width}
    print(json.dumps({**figures, "build_s": round(built, 1), "bytes": size, **told}, indent=1))


if __name__ == "__main__":
    main()
