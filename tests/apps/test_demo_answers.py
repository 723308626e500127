"""The GeoSPARQL answers of the demonstration, beside geopandas, rasterio and numpy on its files.

Nothing of ours computes the other side: the water bodies are traced by rasterio from the map's COG,
the NDVI is numpy on the archive's COGs, distances and areas are geopandas'.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import rasterio.features
import shapely
from pyproj import Transformer

from eocene.link import LinkStore, ask, feature_iri

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WATER = 7
EDGE_M = 0.01


@dataclass(frozen=True)
class Known:
    """The parcels as the demo wrote them, the waters as traced here, both in the CRS of distances."""

    store: LinkStore
    parcels: gpd.GeoDataFrame
    waters: gpd.GeoDataFrame


def trace_waters(path: Path) -> gpd.GeoDataFrame:
    with rasterio.open(path) as file:
        water = (file.read(1) == WATER).astype("uint8")
        shapes = rasterio.features.shapes(water, water == 1, transform=file.transform)
        polygons = [shapely.geometry.shape(geometry) for geometry, _ in shapes]
        large = [polygon for polygon in polygons if polygon.area >= 8 * 100]
        return gpd.GeoDataFrame(geometry=large, crs=file.crs)


@pytest.fixture(scope="module")
def known(demo) -> Iterator[Known]:
    store = LinkStore(demo.workspace / "graph")
    parcels = gpd.read_parquet(demo.output("parcels"))
    waters = trace_waters(demo.result("map", "_class.tif"))
    epsg = store.metric_frame.epsg
    assert epsg in (32632, 32633)  # the seam of the two zones runs through the world
    yield Known(store, parcels.to_crs(epsg), waters.to_crs(epsg))
    store.close()


def read_under(path: str, x: np.ndarray, y: np.ndarray, epsg: int) -> np.ndarray:
    """Return the stored numbers of a file under points, 0 (no data) beside it."""
    with rasterio.open(path) as file:
        x, y = Transformer.from_crs(epsg, file.crs, always_xy=True).transform(x, y)
        col = np.floor((x - file.transform.c) / file.transform.a).astype(int)
        row = np.floor((y - file.transform.f) / file.transform.e).astype(int)
        inside = (row >= 0) & (row < file.height) & (col >= 0) & (col < file.width)
        numbers = np.zeros(x.shape)
        numbers[inside] = file.read(1)[row[inside], col[inside]]
    return numbers


def clear_ndvi_by_day(archive: Path, x: np.ndarray, y: np.ndarray, epsg: int) -> dict[str, np.ndarray]:
    """Return day → NDVI at points, NaN where SCL is not 4 to 7; both tiles of a day laid in order."""
    scenes = [json.loads(p.read_text()) for p in (archive / "sentinel-2-l2a").glob("S2*/S2*.json")]
    days = defaultdict(list)
    for scene in sorted(scenes, key=lambda s: (s["properties"]["datetime"], s["id"])):
        days[scene["properties"]["datetime"][:10]].append(scene)
    series = {}
    for day, items in days.items():
        bands = {}
        for band in ("B04", "B08", "SCL"):
            laid = np.zeros(x.shape)
            for item in items:
                path = archive / "sentinel-2-l2a" / item["id"] / item["assets"][band]["href"]
                laid = np.where(laid == 0, read_under(str(path), x, y, epsg), laid)
            bands[band] = laid
        red, nir = (bands[band] * 0.0001 - 0.1 for band in ("B04", "B08"))
        clear = (bands["SCL"] >= 4) & (bands["SCL"] <= 7) & (bands["B04"] != 0) & (bands["B08"] != 0)
        with np.errstate(all="ignore"):
            series[day] = np.where(clear, (nir - red) / (nir + red), np.nan)
    return series


def parcel_means(demo, parcels: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return rows of parcel, day and mean clear NDVI of the pixels whose centre lies in the parcel."""
    with rasterio.open(demo.result("map", "_class.tif")) as file:
        grid = parcels.to_crs(file.crs)
        labels = [
            (number, rasterio.features.geometry_mask([s], file.shape, file.transform, invert=True))
            for number, s in enumerate(grid.geometry)
        ]
        rows, cols = np.indices(file.shape)
        x, y = file.transform.c + 10 * (cols + 0.5), file.transform.f - 10 * (rows + 0.5)
    table = []
    for day, ndvi in clear_ndvi_by_day(demo.archive, x, y, 32632).items():
        for number, inside in labels:
            values = ndvi[inside]
            if np.isfinite(values).any():
                table.append((parcels["id"].iloc[number], day, np.nanmean(values)))
    return pd.DataFrame(table, columns=["id", "day", "ndvi"])


def test_maize_near_water_with_falling_ndvi_equals_geopandas_and_numpy(demo, known):
    answer = ask(known.store, "crops-near-water", crop="maize", distance_m=500, drop=0.2, year=2024, month=6)
    assert len(answer) == demo.figures["answers"]
    maize = known.parcels[known.parcels["class"] == "maize"]
    metres = maize.distance(known.waters.union_all())
    assert (np.abs(metres - 500) > EDGE_M).all()
    near = maize[metres < 500]
    assert 0 < len(near) <= len(maize)
    june = parcel_means(demo, near).query("day >= '2024-06-01' and day < '2024-07-01'").sort_values("day")
    ends = june.groupby("id").agg(first=("ndvi", "first"), last=("ndvi", "last"), day=("day", "last"))
    fallen = ends[ends["first"] - ends["last"] > 0.2]
    assert 0 < len(fallen) < len(near)
    told = {row["parcel"]: row for row in answer}
    assert set(told) == {feature_iri("parcels", name).value for name in fallen.index}
    for name, expected in fallen.iterrows():
        row = told[feature_iri("parcels", name).value]
        assert row["first"] == pytest.approx(expected["first"], abs=1e-6)
        assert row["last"] == pytest.approx(expected["last"], abs=1e-6)
        assert str(row["lastTime"])[:10] == expected["day"]


def test_hectares_of_each_crop_in_an_area_equal_geopandas(known):
    everywhere = known.parcels.to_crs(4326)
    west, south, east, north = everywhere.total_bounds
    area = shapely.Polygon(
        [(west, south), (east, south + (north - south) * 0.3), ((west + east) / 2, north), (west, south)]
    )
    answer = ask(known.store, "crops-in-area", area=area.wkt).to_frame().set_index("crop")
    hit = everywhere[everywhere.intersects(area)]
    assert 20 < len(hit) < len(everywhere)
    hectares = hit.to_crs(everywhere.estimate_utm_crs()).area / 1e4
    assert set(answer.index) == set(hit["class"])
    for crop, rows in hit.groupby("class"):
        assert answer.loc[crop, "parcels"] == len(rows)
        assert answer.loc[crop, "hectares"] == pytest.approx(hectares[rows.index].sum(), rel=1e-9)
        assert answer.loc[crop, "meanConfidence"] == pytest.approx(rows["confidence"].mean(), rel=1e-9)


def test_sources_of_the_parcels_beside_the_largest_water_equal_geopandas(demo, known):
    metres = 120
    answer = list(ask(known.store, "sources-beside-water", distance_m=metres))
    largest = known.waters.geometry.iloc[known.waters.area.argmax()]
    distance = known.parcels.distance(largest)
    assert (np.abs(distance - metres) > EDGE_M).all()
    beside = int((distance <= metres).sum())
    assert beside > 0
    scenes = {path.stem for path in (demo.archive / "sentinel-2-l2a").glob("S2*/S2*.json")}
    assert {row["item"].rsplit(":", 1)[-1] for row in answer} == scenes
    assert {row["model"].rsplit(":", 1)[-1] for row in answer} == {demo.output("model").name}
    assert {row["parcels"] for row in answer} == {beside}
    assert len(answer) == len(scenes)
