"""GRIB files written and read by ecCodes itself, in a process of its own: its PROJ does not go with ours."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_WRITE = """
import json, sys, eccodes, numpy as np
for target, spec in json.load(sys.stdin):
    with open(target, "ab") as stream:
        handle = eccodes.codes_grib_new_from_samples(spec["sample"])
        for key, value in spec["keys"].items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set_values(handle, np.array(spec["values"]))
        eccodes.codes_write(handle, stream)
        stream.write(bytes(spec["padding"]))
"""
_PLACES = """
import sys, eccodes, numpy as np
with open(sys.argv[1], "rb") as stream:
    handle = eccodes.codes_grib_new_from_file(stream)
    np.save(sys.argv[2], [eccodes.codes_get_array(handle, k) for k in ("latitudes", "longitudes", "values")])
"""
_ITERATE = """
import sys, eccodes, numpy as np
with open(sys.argv[1], "rb") as stream:
    handle = eccodes.codes_grib_new_from_file(stream)
    iterator = eccodes.codes_grib_iterator_new(handle, 0)
    points = []
    while point := eccodes.codes_grib_iterator_next(iterator):
        points.append(point)
    np.save(sys.argv[2], np.array(points).T)
"""
_READ = """
import sys, eccodes, numpy as np
fields = []
with open(sys.argv[1], "rb") as stream:
    while (handle := eccodes.codes_grib_new_from_file(stream)) is not None:
        shape = eccodes.codes_get(handle, "Nj"), eccodes.codes_get(handle, "Ni")
        fields.append(eccodes.codes_get_values(handle).reshape(shape))
np.save(sys.argv[2], np.array(fields))
"""


@dataclass(frozen=True)
class SmallField:
    """A field of temperature at 2 m; ``first`` and ``last`` are the latitudes and longitudes of its ends."""

    first: tuple[float, float] = (60.0, 10.0)
    last: tuple[float, float] = (54.5, 17.5)
    shape: tuple[int, int] = (12, 16)
    date: int = 20240301
    time: int = 0
    edition: int = 2
    padding: int = 0
    keys: dict[str, Any] = field(default_factory=dict)
    missing: tuple[int, ...] = ()
    sample: str = ""

    def values(self) -> np.ndarray:
        """Return the values in the order in which they are stored: each tells where it is."""
        height, width = self.shape
        rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
        return (250.0 + rows + columns / 64).ravel()

    def to_spec(self) -> dict[str, Any]:
        height, width = self.shape
        (lat1, lon1), (lat2, lon2) = self.first, self.last
        keys: dict[str, Any] = {
            "Ni": width,
            "Nj": height,
            "latitudeOfFirstGridPointInDegrees": lat1,
            "longitudeOfFirstGridPointInDegrees": lon1,
            "latitudeOfLastGridPointInDegrees": lat2,
            "longitudeOfLastGridPointInDegrees": lon2,
            "iDirectionIncrementInDegrees": abs(lon2 - lon1) / (width - 1),
            "jDirectionIncrementInDegrees": abs(lat2 - lat1) / max(height - 1, 1),
            "jScansPositively": int(lat2 > lat1),
            "dataDate": self.date,
            "dataTime": self.time,
            "bitsPerValue": 24,
            "shortName": "2t",
            **self.keys,
        }
        values = self.values()
        if self.missing:
            keys |= {"bitmapPresent": 1, "missingValue": 9999}
            values[list(self.missing)] = 9999
        sample = self.sample or f"regular_ll_sfc_grib{self.edition}"
        if self.sample:  # its own grid stays
            keys = {key: keys[key] for key in ("dataDate", "dataTime", "bitsPerValue", *self.keys)}
        return {"sample": sample, "keys": keys, "values": values.tolist(), "padding": self.padding}


def write_grib(folder: Path, files: dict[str, Sequence[SmallField]]) -> dict[str, Path]:
    """Write files of fields into a folder and return where they are, by their names without the suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name}.grib" for name in files}
    specs = [(str(paths[name]), field.to_spec()) for name, fields in files.items() for field in fields]
    subprocess.run([sys.executable, "-I", "-c", _WRITE], input=json.dumps(specs), text=True, check=True)
    return paths


def read_by_eccodes(path: Path, scratch: Path) -> np.ndarray:
    """Return the values of all messages (messages, rows, columns) as ecCodes reads them."""
    target = scratch / "values.npy"
    subprocess.run([sys.executable, "-I", "-c", _READ, str(path), str(target)], check=True)
    return np.load(target)


def locate_by_eccodes(path: Path, scratch: Path, *, one_by_one: bool = False) -> np.ndarray:
    """Return latitude, longitude and value (3, points) of each point of the first message by ecCodes.

    One by one they come with their values in every order of storing.
    """
    target = scratch / "places.npy"
    script = _ITERATE if one_by_one else _PLACES
    subprocess.run([sys.executable, "-I", "-c", script, str(path), str(target)], check=True)
    return np.load(target)
