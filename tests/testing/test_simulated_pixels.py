"""What the simulated satellites see agrees with what the simulated world is."""

import json

import geopandas
import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.features import geometry_mask

SCALE, OFFSET = 1e-4, -0.1


def read(path):
    with rasterio.open(path) as source:
        return source.read(1)


def scenes(archive, tile):
    return sorted((archive.folder / "sentinel-2-l2a").glob(f"S2?_{tile}_*"))


def scene(archive, tile, date):
    return next((archive.folder / "sentinel-2-l2a").glob(f"S2?_{tile}_{date}_*"))


def reflectance(path):
    stored = read(path)
    return np.where(stored == 0, np.nan, stored * SCALE + OFFSET)


def at_ten_metres(scl):
    return scl.repeat(2, axis=0).repeat(2, axis=1)


def test_cloud_free_pixels_decode_to_the_true_reflectance(simulated):
    for tile in simulated.tiles:
        for (date, band), path in simulated.truth.reflectance(tile).items():
            folder = scene(simulated, tile, date.replace("-", ""))
            seen, truth, scl = (
                reflectance(folder / f"{band}.tif"),
                reflectance(path),
                read(folder / "SCL.tif"),
            )
            clear = np.isin(scl, (4, 5, 6))
            if seen.shape == truth.shape:
                clear = at_ten_metres(clear)
            else:
                truth = truth.reshape(64, 2, 64, 2).mean(axis=(1, 3))
            error = (seen - truth)[clear]
            assert abs(error.mean()) < 1e-4
            assert 0.0013 < error.std() < 0.0017
            assert np.abs(error).max() < 0.01


def test_scene_classes_agree_with_what_the_bands_show(simulated):
    blue, nir, codes = [], [], []
    for tile in simulated.tiles:
        for folder in scenes(simulated, tile):
            scl = read(folder / "SCL.tif")
            blue.append(reflectance(folder / "B02.tif")[::2, ::2].ravel())
            nir.append(reflectance(folder / "B08.tif")[::2, ::2].ravel())
            codes.append(scl.ravel())
    blue, nir, codes = (np.concatenate(part) for part in (blue, nir, codes))
    assert set(np.unique(codes)) <= {0, 3, 4, 5, 6, 8, 9}
    assert np.isnan(blue[codes == 0]).all()
    assert np.isfinite(blue[codes != 0]).all()
    assert blue[codes == 9].min() > 0.2
    assert np.median(blue[codes == 8]) > 2 * np.median(blue[codes == 4])
    assert np.median(nir[codes == 3]) < 0.75 * np.median(nir[codes == 4])
    assert np.percentile(nir[codes == 6], 95) < 0.15


def test_shadows_lie_away_from_the_sun(simulated):
    """Move the cloud mask along the shadow's way: it must meet the shadows, and not on the other side."""
    hits = {1: 0.0, -1: 0.0}
    for folder in scenes(simulated, simulated.tiles[0]):
        item = json.loads((folder / f"{folder.name}.json").read_text())
        azimuth = np.radians(item["properties"]["view:sun_azimuth"])
        length = 1300 * 0.2 / np.tan(np.radians(item["properties"]["view:sun_elevation"])) / 20
        scl = read(folder / "SCL.tif")
        rows, columns = np.nonzero(scl == 9)
        for side in hits:
            r = np.rint(rows + side * length * np.cos(azimuth)).astype(int)
            c = np.rint(columns - side * length * np.sin(azimuth)).astype(int)
            inside = (r >= 0) & (r < 64) & (c >= 0) & (c < 64)
            found = scl[r[inside], c[inside]]
            hits[side] += np.isin(found, (0, 3, 8, 9)).mean() if found.size else 1.0

    assert hits[1] > 0.93 * 12
    assert hits[-1] < 0.85 * 12


def test_cloud_cover_of_the_item_is_the_share_of_cloudy_pixels(simulated):
    for tile in simulated.tiles:
        for folder in scenes(simulated, tile):
            item = json.loads((folder / f"{folder.name}.json").read_text())
            scl = read(folder / "SCL.tif")
            share = 100 * np.isin(scl, (8, 9)).sum() / (scl > 0).sum()
            assert item["properties"]["eo:cloud_cover"] == pytest.approx(share, abs=1e-3)


def test_some_dates_end_at_the_edge_of_the_swath(simulated):
    empty = [(read(f / "B04.tif") == 0).mean() for tile in simulated.tiles for f in scenes(simulated, tile)]
    assert 0.02 < max(empty) < 0.9
    assert sum(share == 0 for share in empty) > len(empty) / 2


def sample_both(archive, read_in, tolerance_m=4.0):
    """Return values of one ground point in both tiles, where two pixel centres lie close together."""
    paths = [read_in(tile) for tile in archive.tiles]
    with rasterio.open(paths[0]) as west, rasterio.open(paths[1]) as east:
        a, b = west.read(1), east.read(1)
        rows, columns = np.mgrid[0 : a.shape[0], 0 : a.shape[1]].reshape(2, -1)
        x = west.transform.c + (columns + 0.5) * west.transform.a
        y = west.transform.f + (rows + 0.5) * west.transform.e
        x, y = Transformer.from_crs(west.crs, east.crs, always_xy=True).transform(x, y)
        column = (x - east.transform.c) / east.transform.a
        row = (y - east.transform.f) / east.transform.e
        c, r = np.floor(column).astype(int), np.floor(row).astype(int)
        near = np.hypot(column - c - 0.5, row - r - 0.5) * east.transform.a < tolerance_m
        inside = near & (c >= 0) & (r >= 0) & (c < b.shape[1]) & (r < b.shape[0])
    return a[rows, columns][inside], b[r[inside], c[inside]]


def test_the_two_zones_show_the_same_ground_where_they_overlap(simulated):
    labels = sample_both(simulated, lambda t: simulated.folder / f"reference/reference_{t}_2024/classes.tif")
    assert labels[0].size > 1000
    assert (labels[0] == labels[1]).mean() > 0.93
    a, b = sample_both(simulated, lambda t: scene(simulated, t, "20240603") / "B08.tif")
    both = (a > 0) & (b > 0)
    difference = np.abs(a[both].astype(float) - b[both]) * SCALE
    assert np.median(difference) < 0.012
    assert np.corrcoef(a[both], b[both])[0, 1] > 0.9


def test_ndvi_of_flooded_maize_falls_within_june_and_that_of_other_maize_does_not(simulated):
    parcels = geopandas.read_parquet(simulated.folder / "parcels/parcels-2024/parcels-2024.parquet")
    flooded = set(simulated.truth.events["flood"]["parcels"])
    falls = {True: [], False: []}
    for tile in simulated.tiles:
        june = [ndvi_of(simulated, tile, date) for date in ("20240603", "20240613", "20240623")]
        with rasterio.open(simulated.truth.classes(tile)) as source:
            local, transform, shape = parcels.to_crs(source.crs), source.transform, source.shape
        for parcel in local[local.crop == "maize"].itertuples():
            inside = geometry_mask([parcel.geometry], shape, transform, invert=True)
            curve = [ndvi[inside] for ndvi in june]
            seen = [np.nanmean(v) if np.isfinite(v).mean() > 0.5 else np.nan for v in curve if v.size]
            if inside.sum() > 5 and np.isfinite(seen[0]) and np.isfinite(seen[1:]).any():
                falls[parcel.id in flooded].append(seen[0] - np.nanmin(seen[1:]))
    assert len(falls[True]) >= 2
    assert min(falls[True]) > 0.2
    assert np.mean(np.array(falls[False]) > 0.2) < 0.25


def ndvi_of(archive, tile, date):
    folder = scene(archive, tile, date)
    red, nir = reflectance(folder / "B04.tif"), reflectance(folder / "B08.tif")
    clear = at_ten_metres(np.isin(read(folder / "SCL.tif"), (4, 5, 6)))
    return np.where(clear, (nir - red) / (nir + red), np.nan)


def test_every_class_is_labelled_and_edges_are_not(simulated):
    labels = np.concatenate(
        [
            read(simulated.folder / f"reference/reference_{t}_2024/classes.tif").ravel()
            for t in simulated.tiles
        ]
    )
    assert set(np.unique(labels)) == set(range(9))
    truth = np.concatenate([read(simulated.truth.classes(t)).ravel() for t in simulated.tiles])
    assert (labels[truth > 8] == 0).all()


def test_radar_sees_water_darker_than_forest_and_its_speckle_keeps_the_mean(simulated):
    tile = simulated.tiles[0]
    truth = read(simulated.truth.classes(tile))[::2, ::2]
    folders = sorted((simulated.folder / "sentinel-1-grd").glob(f"*_{tile}_*"))
    assert len(folders) == 10
    power = np.mean([read(folder / "VV.tif") for folder in folders], axis=0)
    assert power.dtype == np.float32
    assert power.min() > 0
    assert np.median(power[truth == 7]) < 0.3 * np.median(power[truth == 6])
    single = read(folders[0] / "VV.tif")[truth == 6]
    assert 0.25 < single.std() / single.mean() < 0.45
