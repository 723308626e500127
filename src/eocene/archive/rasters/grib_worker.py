"""The process that decodes GRIB messages: ecCodes runs here, since damaged messages make it crash.

It is started by ``grib_decoder`` beside it as a script, knows nothing of Eocene and opens no files.
A request is one letter (D: describe, V: values), eight bytes of length, and messages, each after eight bytes
of its length. An answer is + or -, eight bytes of length, and a JSON array of descriptions, the values of the
only message (float32, little-endian, NaN where they are missing), or a text that says what was wrong.
"""

from __future__ import annotations

import json
import resource
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import eccodes
import numpy as np

FRAME, LENGTH = struct.Struct("<cQ"), struct.Struct("<Q")
TEXTS = ("shortName", "name", "units", "typeOfLevel", "gridType", "stepUnits")
NUMBERS = (
    "edition", "paramId", "level", "dataDate", "dataTime", "validityDate", "validityTime", "Ni", "Nj",
    "numberOfDataPoints", "latitudeOfFirstGridPointInDegrees", "longitudeOfFirstGridPointInDegrees",
    "latitudeOfLastGridPointInDegrees", "longitudeOfLastGridPointInDegrees", "jScansPositively",
    "iScansNegatively", "jPointsAreConsecutive", "alternativeRowScanning", "perturbationNumber", "endStep",
    "N", "latitudeOfSouthernPoleInDegrees", "longitudeOfSouthernPoleInDegrees", "angleOfRotation",
)  # fmt: skip
_MISSING = -1.0e34
_MOST_POINTS = 2**28
_MOST_MEMORY = 8 * 2**30


def describe(handle: int) -> dict[str, Any]:
    """Return what the headers of a message say; what they do not say is left out."""
    found: dict[str, Any] = {}
    for keys, kind in ((TEXTS, str), (NUMBERS, float)):
        for key in keys:
            try:
                found[key] = eccodes.codes_get(handle, key, kind)
            except eccodes.CodesInternalError:
                continue
    if found.get("gridType") == "reduced_gg":
        found["pl"] = [int(count) for count in eccodes.codes_get_array(handle, "pl")]
    return found


def decode(handle: int) -> bytes:
    """Return the values of a message in the order in which they are stored."""
    if eccodes.codes_get(handle, "numberOfDataPoints", int) > _MOST_POINTS:
        raise ValueError(f"more than {_MOST_POINTS} values")
    eccodes.codes_set(handle, "missingValue", _MISSING)
    values = eccodes.codes_get_array(handle, "values", np.float32)
    return np.where(values == np.float32(_MISSING), np.float32(np.nan), values).astype("<f4").tobytes()


def split(content: bytes) -> Iterator[bytes]:
    """Yield the messages of a request."""
    position = 0
    while position < len(content):
        (length,) = LENGTH.unpack_from(content, position)
        position += LENGTH.size + length
        yield content[position - length : position]


def work(message: bytes, task: Callable[[int], Any]) -> Any:
    """Return what a task makes of a message."""
    handle = eccodes.codes_new_from_message(message)
    try:
        return task(handle)
    finally:
        eccodes.codes_release(handle)


def answer(command: bytes, content: bytes) -> tuple[bytes, bytes]:
    """Return the sign and the content of the answer to a request."""
    try:
        if command == b"D":
            return b"+", json.dumps([work(message, describe) for message in split(content)]).encode()
        (message,) = split(content)
        return b"+", work(message, decode)
    except (eccodes.CodesInternalError, ValueError, MemoryError, OverflowError, TypeError) as error:
        return b"-", str(error).encode() or type(error).__name__.encode()


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    while len(head := requests.read(FRAME.size)) == FRAME.size:
        command, length = FRAME.unpack(head)
        sign, content = answer(command, requests.read(length))
        answers.write(FRAME.pack(sign, len(content)) + content)
        answers.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    serve(sys.stdin.buffer, sys.stdout.buffer)
