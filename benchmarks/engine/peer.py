"""openeo-processes-dask on one graph: ``python peer.py FOLDER GRAPH OUTPUT.npy``, in its own environment.

The cube is cast to float32 first, without which its arithmetic on uint16 is wrong.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from pathlib import Path
from typing import Any

import dask
import numpy as np
import openeo_processes_dask.process_implementations as implementations
import pandas as pd
import rioxarray
import xarray as xr
from data import BANDS, dates, path_of
from graphs import GRAPHS
from meter import measured
from openeo_pg_parser_networkx import OpenEOProcessGraph, ProcessRegistry
from openeo_pg_parser_networkx.process_registry import Process
from openeo_processes_dask import specs
from openeo_processes_dask.process_implementations.core import process

COUNT = 12


def open_cube(folder: Path, sensor: str) -> xr.DataArray:
    """Return the cube (t, bands, y, x) of a sensor's COGs, lazily."""
    scenes = []
    for number in range(COUNT):
        files = [
            rioxarray.open_rasterio(
                path_of(folder, sensor, number, b), chunks={"x": 1024, "y": 1024}, lock=False
            )
            for b in BANDS[sensor]
        ]
        scenes.append(xr.concat([f[0].drop_vars("band") for f in files], dim="bands"))
    labels = {"bands": list(BANDS[sensor]), "t": pd.DatetimeIndex(dates(COUNT, sensor))}
    return xr.concat(scenes, dim="t").assign_coords(labels).astype("float32")


def make_registry(folder: Path, saved: dict[str, Any]) -> Any:
    """Return the peer's processes, with a load of our files and a save that computes."""
    registry = ProcessRegistry(wrap_funcs=[process])
    for name, function in inspect.getmembers(implementations, inspect.isfunction):
        spec = getattr(specs, name.rstrip("_"), None) or getattr(specs, name, None)
        if spec is not None:
            registry[name.rstrip("_")] = Process(spec=spec, implementation=function)

    def load_collection(id: str, **_: Any) -> xr.DataArray:  # noqa: A002
        return open_cube(folder, id)

    def save_result(data: xr.DataArray, **_: Any) -> xr.DataArray:
        saved["values"] = data.compute()
        return saved["values"]

    for function in (load_collection, save_result):
        registry[function.__name__] = Process(spec={"id": function.__name__}, implementation=function)
    return registry


def main(folder: Path, graph: str, output: Path) -> None:
    warnings.simplefilter("ignore")
    dask.config.set(scheduler="threads", num_workers=2)
    saved: dict[str, Any] = {}
    registry = make_registry(folder, saved)
    with measured(engine="peer", graph=graph):
        parsed = OpenEOProcessGraph(pg_data={"process_graph": GRAPHS[graph]()})
        parsed.to_callable(process_registry=registry)()
    lead = [d for d in ("t", "bands") if d in saved["values"].dims]
    np.save(output, saved["values"].transpose(*lead, "y", "x").values)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
