"""Geometries out of WKT literals, and the metric frame in which they are measured.

Topology (intersects, within, touches, …) is planar in longitude and latitude, as geopandas does
it on EPSG:4326. Lengths and areas are planar in one metric CRS for the whole store: the UTM zone
that geopandas' ``estimate_utm_crs`` picks for all its features, or one given by the user. So
``geof:distance(?a, ?b, uom:metre)`` is what ``gdf.to_crs(store.metric_crs).distance`` gives.
Against the ellipsoid such a length is off by the scale of the projection: at most 0.04 % to
0.1 % inside a UTM zone. The bound over the store's extent is computed and stands in
`MetricFrame.max_scale_error`; above 1 % metres are refused rather than wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pyproj import CRS, Proj, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_utm_crs_info
from pyproj.exceptions import CRSError

from eocene.model import InputError, StateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
MAX_SCALE_ERROR = 0.01
_PREFIXED = re.compile(r"^\s*<([^>]*)>\s*(.*)$", re.DOTALL)
_AUTHORITY = re.compile(r"^https?://www\.opengis\.net/def/crs/(OGC|EPSG)/[^/]+/(CRS84|\d+)$")


def parse_wkt(text: str) -> Any:
    """Read a ``geo:wktLiteral`` to a 2-D shapely geometry in CRS84 (longitude, latitude).

    A CRS IRI in front is honoured with the axis order of its authority (EPSG:4326 is latitude
    first).

    Raises
    ------
    InputError
        The text is no WKT, or its CRS is unknown.
    """
    found = _PREFIXED.match(text)
    iri, body = (found[1], found[2]) if found else (CRS84, text)
    try:
        shape = shapely.force_2d(shapely.from_wkt(body))
    except shapely.errors.GEOSException as error:
        raise InputError(
            f"{text[:60]!r} is not a WKT geometry: {error}.",
            "Write it as in POLYGON ((9 50, 10 50, 10 51, 9 50)).",
        ) from error
    return shape if iri == CRS84 else _project(shape, _transformer_from(iri))


@lru_cache(maxsize=64)
def _transformer_from(iri: str) -> Transformer:
    found = _AUTHORITY.match(iri)
    try:
        if found is None:
            raise CRSError("not an OGC or EPSG CRS IRI")
        crs = CRS.from_user_input("OGC:CRS84" if found[1] == "OGC" else f"EPSG:{found[2]}")
    except CRSError as error:
        raise InputError(
            f"The CRS <{iri}> of a geometry is unknown.",
            "Use one such as <http://www.opengis.net/def/crs/EPSG/0/32632>.",
        ) from error
    return Transformer.from_crs(crs, "OGC:CRS84", always_xy=False)


def _project(shapes: Any, transformer: Transformer) -> Any:
    def convert(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer.transform(xy[:, 0], xy[:, 1]))

    return shapely.transform(shapes, convert)


@dataclass(frozen=True)
class MetricFrame:
    """One projected CRS in metres, and how far its lengths are from the ellipsoid's.

    ``epsg`` is the CRS; ``max_scale_error`` the largest |scale − 1| over the extent it was made for.
    """

    epsg: int
    max_scale_error: float

    def project(self, shapes: Any) -> Any:
        """Project a geometry or an array of them from CRS84.

        Raises
        ------
        InputError
            A point lies where the projection is not defined.
        """
        projected = _project(shapes, _transformer_to(self.epsg))
        if not np.isfinite(shapely.get_coordinates(projected)).all():
            raise InputError(
                f"A geometry lies outside of EPSG:{self.epsg}, in which this store measures.",
                "Leave it out of the question, or open the store with another metric_crs.",
            )
        return projected

    def unproject(self, shape: Any) -> Any:
        """Bring a geometry back to CRS84."""
        return _project(shape, _transformer_from(f"http://www.opengis.net/def/crs/EPSG/0/{self.epsg}"))

    def check(self) -> None:
        """Raise StateError where lengths would be off by more than 1 %."""
        if self.max_scale_error > MAX_SCALE_ERROR:
            raise StateError(
                f"The features are too far apart to be measured in EPSG:{self.epsg}: lengths there are up to "
                f"{self.max_scale_error:.1%} wrong.",
                "Open the store with a metric_crs that fits, or keep distant regions in stores of their own.",
            )


@lru_cache(maxsize=64)
def _transformer_to(epsg: int) -> Transformer:
    # The pipeline's input is in degrees lon/lat and its output in the authority's order, so that
    # it is the exact inverse of _transformer_from.
    return Transformer.from_crs("OGC:CRS84", f"EPSG:{epsg}", always_xy=False)


def make_frame(bounds: Sequence[float], epsg: int | None = None) -> MetricFrame:
    """Choose the frame for an extent (west, south, east, north in degrees).

    Parameters
    ----------
    epsg : int, optional
        A CRS in metres to use instead of the estimated UTM zone.

    Raises
    ------
    InputError
        ``epsg`` is no projected CRS in metres.
    """
    west, south, east, north = (float(value) for value in bounds)
    if epsg is None:
        x, y = (west + east) / 2, (south + north) / 2
        found = query_utm_crs_info(datum_name="WGS 84", area_of_interest=AreaOfInterest(x, y, x, y))
        if not found:
            raise StateError(
                f"There is no UTM zone for the extent {west:g}, {south:g}, {east:g}, {north:g}.",
                "Open the store with a metric_crs, such as 3413 in the Arctic.",
            )
        epsg = int(found[0].code)
    check_metric(epsg)
    return MetricFrame(epsg, _bound_scale_error(epsg, (west, south, east, north)))


def check_metric(epsg: int) -> None:
    """Raise InputError unless the code names a projected CRS in metres."""
    try:
        crs = CRS.from_epsg(epsg)
    except CRSError as error:
        raise InputError(
            f"EPSG:{epsg} is not known.", "Give the code of a projected CRS in metres."
        ) from error
    if not crs.is_projected or crs.axis_info[0].unit_conversion_factor != 1.0:
        raise InputError(
            f"EPSG:{epsg} ({crs.name}) does not measure in metres.", "Give a projected CRS in metres."
        )


def _bound_scale_error(epsg: int, bounds: tuple[float, float, float, float]) -> float:
    lon, lat = np.meshgrid(np.linspace(bounds[0], bounds[2], 9), np.linspace(bounds[1], bounds[3], 9))
    factors = Proj(CRS.from_epsg(epsg)).get_factors(lon.ravel(), lat.ravel(), errcheck=False)
    scales = np.concatenate([factors.tissot_semimajor, factors.tissot_semiminor])
    errors = np.abs(scales - 1.0)
    return float(errors.max()) if np.isfinite(errors).all() else float("inf")
