"""Texts that name a coordinate reference system: PROJ reads files and grids that some of them name."""

from __future__ import annotations

import re

from pyproj import CRS
from pyproj.exceptions import CRSError

_FILES = re.compile(
    r"\binit\s*=|grids\s*=|\bpipeline\b|\bstep\b|PARAMETERFILE|parameter_file|\bfile\"?\s*[:=,]",
    re.IGNORECASE,
)
_NO_GRID = re.compile(r"\+nadgrids=@null\b")  # says that there is none: so GDAL writes Web Mercator
_AUTHORITY = re.compile(r"(?:\+?init=)?(epsg|esri|ogc):(\w+)", re.IGNORECASE)
_LONGEST = 100_000


def read_crs(text: str) -> CRS:
    """Return the CRS that a text in a file names: a code, a URN, WKT, PROJJSON or a PROJ string.

    ``+init=epsg:32631``, as older files have it, is read as EPSG:32631.

    Raises
    ------
    pyproj.exceptions.CRSError
        If it names none, or leads to a file.
    """
    text = str(text).strip()
    code = _AUTHORITY.fullmatch(text)
    if code:
        text = f"{code[1].upper()}:{code[2]}"
    elif len(text) > _LONGEST or _FILES.search(_NO_GRID.sub("", text)):
        raise CRSError(f"{text[:80]!r} leads to a file, or is no plain text of a CRS")
    return CRS.from_user_input(text)
