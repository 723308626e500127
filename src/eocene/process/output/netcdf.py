"""A stored cube as CF NetCDF-4, layer by layer and window by window."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import h5netcdf
import numpy as np
import xarray as xr

from eocene.model.files import replace_file

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.cube.write import CubeStore

_WINDOW = 512


def write_netcdf(store: CubeStore, path: Path) -> Path:
    """Write the cube of a Zarr into one file; memory does not grow with the cube."""
    with replace_file(path) as temporary:
        with xr.open_dataset(store.path, engine="zarr", consolidated=False) as stored:
            dims, shape, dtype = stored["data"].dims, stored["data"].shape, stored["data"].dtype
            attributes = {**stored["data"].attrs, "grid_mapping": "spatial_ref"}
            stored.drop_vars("data").to_netcdf(temporary, engine="h5netcdf")
        with h5netcdf.File(temporary, "a") as file:
            data = file.create_variable("data", dims, dtype, fillvalue=dtype.type(np.nan))
            data.attrs.update(attributes)
            for layer in itertools.product(*(range(n) for n in shape[:-2])):
                for window in store.grid.blocks(_WINDOW):
                    data[(*layer, *window.slices_in(store.grid))] = store.read(window, layer)
    return path
