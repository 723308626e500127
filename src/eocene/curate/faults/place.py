"""Coordinates that are not in the CRS of the data set: degrees, axes swapped, another zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pyproj import CRS

from eocene.curate.faults.check import check
from eocene.curate.faults.finding import Finding
from eocene.model.grid import transformer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate.faults.material import Material

_MARGIN = 3.0
"""Degrees by which places may lie outside the area for which a CRS is meant: tiles reach over zones."""
_CROWD = 0.9


@check("crs", "coordinates that are not in the data set's CRS")
def find_misplaced(material: Material) -> Iterator[Finding]:
    """Name samples in degrees among metres, with swapped axes, of another CRS, or outside CRS or area."""
    samples, left = material.samples, np.ones(len(material), dtype=bool)
    crs = CRS.from_epsg(samples.epsg)
    frame = _find_frame(material, crs)
    for reason, wrong in (
        (f"say another CRS than EPSG:{samples.epsg}", _find_other(material)),
        ("are in degrees, where the CRS is in metres", _find_degrees(samples.x, samples.y, crs)),
        ("have x and y swapped", _find_swapped(material, frame)),
        ("lie outside the area of the data set or its CRS", _find_outside(material, frame)),
    ):
        found = np.flatnonzero(wrong & left)
        left &= ~wrong
        if len(found):
            told = tuple(int(row) for row in found)
            yield Finding("crs", told, f"{len(told)} samples {reason}.", "fault", drop=told)


def _find_other(material: Material) -> NDArray[np.bool_]:
    """Compare the column "epsg", if there is one, with the CRS of the data set."""
    told = material.samples.columns.get("epsg")
    if told is None:
        return np.zeros(len(material), dtype=bool)
    return np.asarray(told.astype(np.int64) != material.samples.epsg)


def _find_degrees(x: NDArray[np.float64], y: NDArray[np.float64], crs: CRS) -> NDArray[np.bool_]:
    if crs.is_geographic:
        return np.zeros(len(x), dtype=bool)
    (left, right), (low, high) = (_find_crowd(v) for v in (x, y))
    outside = (x < left) | (x > right) | (y < low) | (y > high)
    small = (np.abs(x) <= 360) & (np.abs(y) <= 90) & outside
    # Local coordinates may all be small, or begin at 0; degrees among metres stand out.
    return small if small.mean() < 1 - _CROWD else np.zeros(len(x), dtype=bool)


def _find_frame(material: Material, crs: CRS) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north in degrees within which the samples must lie."""
    if material.settings.area is not None:
        return material.settings.area
    used = crs.area_of_use
    if used is None or crs.is_geographic:
        return None
    wide = (used.west - _MARGIN, used.south - _MARGIN, used.east + _MARGIN, used.north + _MARGIN)
    return wide if used.west < used.east else None


def _inside(
    material: Material,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    frame: tuple[float, float, float, float],
) -> NDArray[np.bool_]:
    lon, lat = (np.asarray(v) for v in transformer(material.samples.epsg, 4326).transform(x, y))
    west, south, east, north = frame
    with np.errstate(invalid="ignore"):
        inside: NDArray[np.bool_] = np.isfinite(lon) & np.isfinite(lat)
        return inside & (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _find_swapped(material: Material, frame: tuple[float, float, float, float] | None) -> NDArray[np.bool_]:
    """Find places outside the crowd that lie within it once x and y are swapped."""
    samples = material.samples
    x, y = samples.x, samples.y
    (left, right), (low, high) = (_find_crowd(v) for v in (x, y))
    outside = (x < left) | (x > right) | (y < low) | (y > high)
    swapped = outside & (y >= left) & (y <= right) & (x >= low) & (x <= high)
    return swapped if frame is None else swapped & _inside(material, y, x, frame)


def _find_crowd(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the range in which the middle of the values lies, and as much again on both sides."""
    low, high = np.quantile(values, [0.1, 0.9])
    reach = max(float(high - low), 1.0)
    return float(low - reach), float(high + reach)


def _find_outside(material: Material, frame: tuple[float, float, float, float] | None) -> NDArray[np.bool_]:
    if frame is None:
        return np.zeros(len(material), dtype=bool)
    outside = ~_inside(material, material.samples.x, material.samples.y, frame)
    told = material.settings.area is not None
    # Were most outside the area of the CRS, it would be a plane of its own (positions in a scene).
    return outside if told or outside.mean() < 1 - _CROWD else np.zeros(len(material), dtype=bool)
