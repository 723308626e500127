"""odc-stac: ``python peer.py ITEMS.json eager|dask THREADS OUTPUT.npy``, in an environment of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import dask
import numpy as np
import odc.stac
import pystac
import xarray as xr
from meter import measured
from odc.geo.geobox import GeoBox
from scene import BANDS, CLOUDY, EPSG, box

SETTINGS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "GDAL_NUM_THREADS": "1",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif",
    "VSI_CACHE": "FALSE",
}


def load(items: list[pystac.Item], mode: str, threads: int) -> xr.Dataset:
    grid = GeoBox.from_bbox(box(), crs=f"EPSG:{EPSG}", resolution=10, tight=True)
    how = {"chunks": {"time": 1, "x": 1024, "y": 1024}} if mode == "dask" else {"pool": threads}
    return odc.stac.load(
        items, bands=[*BANDS, "SCL"], geobox=grid, groupby="solar_day", resampling="nearest", **how
    )


def main(items: Path, mode: str, threads: int, output: Path) -> None:
    os.environ.update(SETTINGS)
    xr.set_options(use_numbagg=False)
    odc.stac.configure_rio(cloud_defaults=True)
    found = [pystac.Item.from_dict(item) for item in json.loads(items.read_text())]
    dask.config.set(scheduler="threads", num_workers=threads)
    with measured(engine=f"odc-stac {mode}"):
        cube = load(found, mode, threads)
        clear = ~cube.SCL.isin(CLOUDY)
        median = cube[list(BANDS)].where(clear & (cube[list(BANDS)] != 0)).resample(time="1MS").median()
        values = median.compute().to_array().transpose("time", "variable", "y", "x").values
    np.save(output, values)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
