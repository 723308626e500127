"""GRIB messages decoded by ecCodes in processes of their own: what makes it crash is a damaged message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.rasters.decoding import DecodingError, DecodingPool

if TYPE_CHECKING:
    from collections.abc import Sequence

GribError = DecodingError


class GribDecoder(DecodingPool):
    """Decodes messages, some at a time."""

    def __init__(self) -> None:
        super().__init__(Path(__file__).with_name("grib_worker.py"), "eccodes", "grib")

    def describe(self, messages: Sequence[bytes]) -> list[dict[str, Any]]:
        """Return what the headers of messages say, by ecCodes' keys; best for some hundreds at a time.

        Raises
        ------
        GribError
            If one of them is no message that ecCodes can read.
        """
        found: list[dict[str, Any]] = json.loads(self._ask(b"D", messages))
        return found

    def decode(self, message: bytes) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the values of a message as stored, one after another; NaN where they are missing.

        Raises
        ------
        GribError
            If they cannot be decoded.
        """
        return np.frombuffer(self._ask(b"V", [message]), "<f4").astype(np.float32, copy=False)


decoder = GribDecoder()
