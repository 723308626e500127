"""The process that decodes GRIB messages: ecCodes runs here, since damaged messages make it crash.

It is run by ``decoding_worker`` for ``grib_decoder``, both beside it, and opens no files. A request is D
(describe) or V (values) and messages; an answer is a JSON array of descriptions, or the values of the only
message (float32, little-endian, NaN where they are missing).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import eccodes
import numpy as np

FAULTS = (eccodes.CodesInternalError, ValueError, MemoryError, OverflowError, TypeError)
TEXTS = ("shortName", "name", "units", "typeOfLevel", "gridType", "stepUnits")
NUMBERS = (
    "edition", "paramId", "level", "dataDate", "dataTime", "validityDate", "validityTime", "Ni", "Nj",
    "numberOfDataPoints", "latitudeOfFirstGridPointInDegrees", "longitudeOfFirstGridPointInDegrees",
    "latitudeOfLastGridPointInDegrees", "longitudeOfLastGridPointInDegrees", "jScansPositively",
    "iScansNegatively", "jPointsAreConsecutive", "alternativeRowScanning", "perturbationNumber", "endStep",
    "N", "latitudeOfSouthernPoleInDegrees", "longitudeOfSouthernPoleInDegrees", "angleOfRotation",
    "resolutionAndComponentFlags",
)  # fmt: skip
PROJECTED = (
    "DxInMetres", "DyInMetres", "DiInMetres", "DjInMetres", "LaDInDegrees", "LoVInDegrees", "Latin1InDegrees",
    "Latin2InDegrees", "orientationOfTheGridInDegrees", "southPoleOnProjectionPlane",
    "standardParallelInDegrees", "centralLongitudeInDegrees", "earthMajorAxisInMetres",
    "earthMinorAxisInMetres", "radius",
)  # fmt: skip
"""Asked for where a field is neither in degrees nor Gaussian."""
_IN_DEGREES = ("regular_ll", "rotated_ll", "regular_gg", "reduced_gg")
_MISSING = -1.0e34
_MOST_POINTS = 2**28


def describe(handle: int) -> dict[str, Any]:
    """Return what the headers of a message say; what they do not say is left out."""
    found = {**_ask(handle, TEXTS, str), **_ask(handle, NUMBERS, float)}
    if found.get("gridType") not in _IN_DEGREES:
        found |= _ask(handle, PROJECTED, float)
    if found.get("gridType") == "reduced_gg":
        found["pl"] = [int(count) for count in eccodes.codes_get_array(handle, "pl")]
    return found


def _ask(handle: int, keys: Sequence[str], kind: type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in keys:
        try:
            found[key] = eccodes.codes_get(handle, key, kind)
        except eccodes.CodesInternalError:
            continue
    return found


def decode(handle: int) -> bytes:
    """Return the values of a message in the order in which they are stored."""
    if eccodes.codes_get(handle, "numberOfDataPoints", int) > _MOST_POINTS:
        raise ValueError(f"more than {_MOST_POINTS} values")
    eccodes.codes_set(handle, "missingValue", _MISSING)
    values = eccodes.codes_get_array(handle, "values", np.float32)
    return np.where(values == np.float32(_MISSING), np.float32(np.nan), values).astype("<f4").tobytes()


def work(message: bytes, task: Callable[[int], Any]) -> Any:
    """Return what a task makes of a message."""
    handle = eccodes.codes_new_from_message(message)
    try:
        return task(handle)
    finally:
        eccodes.codes_release(handle)


def answer(command: bytes, messages: Sequence[bytes]) -> bytes:
    """Return the answer to a request."""
    if command == b"D":
        return json.dumps([work(message, describe) for message in messages]).encode()
    (message,) = messages
    values: bytes = work(message, decode)
    return values
