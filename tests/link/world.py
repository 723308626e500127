"""A small random world: parcels and water bodies, observations and a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from eocene.link import (
    LinkStore,
    job_graph,
    layer_graph,
    map_features,
    map_observations,
    map_parcels,
    map_provenance,
)

if TYPE_CHECKING:
    from pathlib import Path

JOB = {
    "id": "job-1",
    "graph": {
        "load": {"process_id": "load_collection", "arguments": {"id": "sentinel-2-l2a"}, "result": True}
    },
    "items": [
        {"id": "S2A_1", "collection": "sentinel-2-l2a", "properties": {"datetime": "2024-06-03T10:00:00Z"}},
        {"id": "S2B_2", "collection": "sentinel-2-l2a", "properties": {"datetime": "2024-06-08T10:00:00Z"}},
    ],
    "model": {"id": "forest-1", "name": "Random forest"},
    "layers": ["parcels"],
    "started": "2024-07-01T00:00:00Z",
    "ended": "2024-07-01T00:05:00Z",
}


@dataclass
class World:
    parcels: gpd.GeoDataFrame
    water: gpd.GeoDataFrame
    observations: pd.DataFrame
    store: LinkStore


def draw_shapes(rng: np.random.Generator, count: int, size: float) -> list[shapely.Geometry]:
    """Draw boxes, boxes with a hole and pairs of boxes within 8 × 8 km of a UTM 32 place."""
    x, y = rng.uniform(600_000, 608_000, count), rng.uniform(5_300_000, 5_308_000, count)
    width = rng.uniform(size / 2, size, count)
    shapes = []
    for left, low, side, kind in zip(x, y, width, rng.integers(0, 3, count), strict=True):
        box = shapely.box(left, low, left + side, low + side)
        if kind == 1:
            box = box.difference(box.centroid.buffer(side / 4, quad_segs=3))
        elif kind == 2:
            box = shapely.union_all([box, shapely.box(left + 2 * side, low, left + 3 * side, low + side)])
        shapes.append(box)
    return shapes


def make_world(folder: Path, seed: int, parcels: int = 150, crs: int = 32632) -> World:
    rng = np.random.default_rng(seed)
    fields = gpd.GeoDataFrame(
        {
            "id": [f"p {i}/ü" for i in range(parcels)],
            "class": rng.choice(["maize", "winter wheat", "barley"], parcels),
            "confidence": rng.uniform(size=parcels),
        },
        geometry=draw_shapes(rng, parcels, 300),
        crs=32632,
    ).to_crs(crs)
    water = gpd.GeoDataFrame({"id": np.arange(8)}, geometry=draw_shapes(rng, 8, 500), crs=32632).to_crs(crs)
    times = pd.date_range("2024-05-25", "2024-07-05", freq="5D", tz="UTC")
    table = pd.DataFrame(
        {
            "feature": np.repeat(fields["id"].to_numpy(), len(times)),
            "time": np.tile(times, parcels),
            "property": "NDVI",
            "value": rng.uniform(0, 1, len(times) * parcels),
        }
    )
    table.loc[rng.uniform(size=len(table)) < 0.4, "value"] = np.nan
    store = LinkStore(folder / "graph")
    store.load(map_parcels(fields, job="job-1"), layer_graph("parcels"))
    store.load(map_features(water, layer="water", kind="WaterBody"), layer_graph("water"))
    store.load(map_observations(table, layer="ndvi"), layer_graph("ndvi"))
    store.load(map_provenance(JOB), job_graph("job-1"))
    return World(fields, water, table, store)
