"""A band of a collection: how its stored numbers become values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Band:
    """One band.

    Parameters
    ----------
    name : str
        Its name in the collection, such as B04; also the key of its asset unless ``asset`` says otherwise.
    dtype : str
        The stored dtype, such as uint16.
    nodata : float or None
        The stored number that means "no data".
    scale, offset : float
        value = stored · scale + offset.
    resolution_m : float or None
        Ground sampling distance.
    common_name : str or None
        The STAC common name, such as red.
    wavelength : float or None
        The central wavelength in micrometres.
    """

    name: str
    dtype: str = "float32"
    nodata: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    resolution_m: float | None = None
    common_name: str | None = None
    wavelength: float | None = None

    @property
    def is_scaled(self) -> bool:
        """Whether stored numbers are not yet values."""
        return self.scale != 1.0 or self.offset != 0.0

    def stored_in(self, asset: Mapping[str, Any]) -> Band:
        """Return the band as a STAC asset stores it: its dtype, scale and offset where it tells them."""
        return replace(
            self,
            dtype=str(asset.get("data_type", self.dtype)),
            scale=float(asset.get("raster:scale", self.scale)),
            offset=float(asset.get("raster:offset", self.offset)),
        )
