"""EPSG codes of coordinate reference systems, also of those that do not say theirs.

Programs write a CRS in many words: ESRI's, SNAP's, older GDAL's, another authority's, with heights, with a
way to WGS 84 beside it. PROJ's database tells which codes may be meant; the first is taken that puts points
where the CRS puts them, to a millimetre, so nothing is ever taken for what lies elsewhere.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import CRSError, ProjError

from eocene.archive.fetch.crs import read_crs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_NEAR_M = 1e-3
_POINTS = 7
_MOST_CODES = 8
_SURE, _LIKELY = 70, 25
"""PROJ's confidence that two CRSs are equal but for names, and that they are but for what is not said."""
_ELLIPSOID = Geod(ellps="WGS84")


@lru_cache(maxsize=256)
def find_epsg(text: str) -> int | None:
    """Return the EPSG code of the horizontal CRS that a text names, None if there is none.

    Parameters
    ----------
    text : str
        A code, WKT, PROJJSON or a PROJ string.
    """
    try:
        crs = _flatten(read_crs(text))
        forms = (crs, *([crs.source_crs] if crs.is_bound and crs.source_crs else []))
    except CRSError:
        return None
    codes = islice(_list_codes(forms), _MOST_CODES)
    return next((code for code in codes if any(_lie_alike(form, code) for form in forms)), None)


def _flatten(crs: CRS) -> CRS:
    """Return a CRS without heights: where something lies on the map does not depend on these."""
    while crs.is_compound and crs.sub_crs_list:
        crs = crs.sub_crs_list[0]
    return crs.to_2d() if len(crs.axis_info) > 2 else crs


def _list_codes(forms: tuple[CRS, ...]) -> Iterator[int]:
    """Yield the codes that may be meant, the stated one first, then the likeliest, each once."""
    seen = set()
    for form in (*forms, *filter(None, map(_turn, forms))):
        # Of degrees on an unnamed datum there are dozens that differ in nothing but the name.
        sure = _SURE if form.is_geographic else _LIKELY
        found = form.list_authority(auth_name="EPSG", min_confidence=sure)
        for code in (*_list_stated(form), *(int(authority.code) for authority in found)):
            if code not in seen:
                seen.add(code)
                yield code


def _list_stated(crs: CRS) -> list[int]:
    """Return the code that a CRS itself states, if it is of the EPSG.

    PROJ's list lacks it where GDAL's database is a newer one, which calls the datum otherwise.
    """
    stated = crs.to_json_dict().get("id", {})
    return [int(stated["code"])] if stated.get("authority") == "EPSG" else []


def _turn(crs: CRS) -> CRS | None:
    """Return a CRS in GDAL's WKT, which has no order of axes: EPSG's degrees begin with the latitude."""
    with suppress(CRSError):
        return CRS.from_wkt(crs.to_wkt("WKT1_GDAL"))
    return None


def _lie_alike(crs: CRS, code: int) -> bool:
    """Tell whether points all over the area of a code lie within a millimetre of where the CRS puts them."""
    try:
        known = CRS.from_epsg(code)
    except CRSError:  # of another edition of the database
        return False
    if crs.equals(known, ignore_axis_order=True):
        return True
    try:
        x, y = _spread_points(known)
        ours, theirs = (
            Transformer.from_crs(one, 4326, always_xy=True).transform(x, y) for one in (crs, known)
        )
    except ProjError:  # PROJ cannot compute every method of the EPSG
        return False
    there = np.isfinite([*ours, *theirs]).all(axis=0)
    if not there.any():
        return False
    _, _, apart_m = _ELLIPSOID.inv(*(axis[there] for axis in (*ours, *theirs)))
    same = there | ~np.isfinite(theirs).all(axis=0)
    return bool(same.all() and np.max(apart_m) <= _NEAR_M)


def _spread_points(crs: CRS) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points (x, y) all over the area of a CRS, in its coordinates."""
    area = crs.area_of_use
    west, south, east, north = area.bounds if area else (-180.0, -90.0, 180.0, 90.0)
    parts = (np.arange(_POINTS) + 0.5) / _POINTS
    longitude, latitude = np.meshgrid(
        west + parts * ((east - west) % 360 or 360), south + parts * (north - south)
    )
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(longitude.ravel(), latitude.ravel())
    there = np.isfinite(x) & np.isfinite(y)
    return x[there], y[there]
