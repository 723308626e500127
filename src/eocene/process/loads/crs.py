"""Read coordinate reference systems as users write them."""

from __future__ import annotations

from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError

from eocene.archive.epsg import find_epsg
from eocene.model import InputError


def parse_epsg(projection: Any) -> int:
    """Return the EPSG code behind a number, "EPSG:32631", or WKT of a CRS that has one.

    Raises
    ------
    InputError
        If it is no CRS, or one without EPSG code.
    """
    whole = (
        isinstance(projection, int | float)
        and not isinstance(projection, bool)
        and projection == int(projection)
    )
    text = str(int(projection)) if whole else str(projection).strip()
    number = text.upper().removeprefix("EPSG:")
    is_wkt = "[" in text
    try:
        if number.isdigit():
            return int(CRS.from_epsg(int(number)).to_epsg() or number)
        code = find_epsg(text) if is_wkt else None
    except (CRSError, OverflowError):
        code = None
    if code is None:
        raise InputError(
            f"The projection {text[:80]!r} is not {'a CRS that has an' if is_wkt else 'an'} EPSG code.",
            "Write 32631 or 'EPSG:32631'.",
            code="ProcessParameterInvalid",
        )
    return int(code)
