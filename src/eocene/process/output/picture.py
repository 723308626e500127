"""A cube as a picture: one band in grey or three in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from affine import Affine

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import xarray as xr


def check_picture(sizes: Mapping[Any, int]) -> None:
    """Refuse the sizes of a cube that is no picture.

    Raises
    ------
    InputError
        If there are several dates, or neither one nor three bands.
    """
    others = [d for d, n in sizes.items() if d not in ("bands", "y", "x") and n != 1]
    if others or sizes.get("bands", 1) not in (1, 3):
        raise InputError(
            f"A cube with the dimensions {dict(sizes)} is no picture.",
            "Reduce t and keep one or three bands before save_result with PNG.",
            code="FormatUnsuitable",
        )


def save_png(cube: xr.DataArray, path: Path) -> Path:
    """Write a cube with one date as PNG: one or three bands, stretched between percentiles 2 and 98.

    Values between 0 and 255 that are whole numbers are taken as they are. No-data is transparent.

    Raises
    ------
    InputError
        If there are several dates, or neither one nor three bands.
    """
    check_picture(dict(cube.sizes))
    layers = cube.squeeze([d for d in cube.dims if d not in ("y", "x") and cube.sizes[d] == 1], drop=True)
    if layers.ndim == 2:
        layers = layers.expand_dims("bands")
    values = layers.values
    shown = np.isfinite(values).all(axis=0)
    bands = np.stack([_stretch(band, shown) for band in values])
    alpha = np.where(shown, 255, 0).astype(np.uint8)
    if len(bands) == 1:
        bands = np.repeat(bands, 3, axis=0)
    profile: dict[str, Any] = {
        "driver": "PNG",
        "width": values.shape[2],
        "height": values.shape[1],
        "count": 4,
        "transform": Affine.translation(1, 1),  # any: rasterio warns about none, the file keeps none
    }
    with rasterio.open(path, "w", dtype="uint8", **profile) as file:
        file.write(np.concatenate([bands, alpha[None]]))
    path.with_name(path.name + ".aux.xml").unlink(missing_ok=True)
    return path


def _stretch(band: Any, shown: Any) -> Any:
    data = band[shown]
    if data.size == 0:
        return np.zeros(band.shape, np.uint8)
    if (data >= 0).all() and (data <= 255).all() and (data == np.round(data)).all():
        low, high = 0.0, 255.0
    else:
        low, high = np.percentile(data, [2, 98])
    scaled = np.clip((band - low) / max(high - low, 1e-12), 0, 1) * 255
    return np.nan_to_num(scaled).astype(np.uint8)
