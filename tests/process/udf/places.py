"""Where code of users can be kept apart, and how it is run there."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr

from eocene.process.udf.obstacles import find_obstacle

OBSTACLE = find_obstacle()
needs_walls = pytest.mark.skipif(OBSTACLE is not None, reason=f"no sandbox: {OBSTACLE}")

SMALL = xr.DataArray(
    np.arange(12.0).reshape(1, 3, 4), {"bands": ["a"], "y": [2.0, 1, 0], "x": [0.0, 1, 2, 3]},
    ["bands", "y", "x"],
)  # fmt: skip


@cache
def cube(height: int = 40, width: int = 60) -> xr.DataArray:
    """Return a cube of 3 dates and 2 bands with a CRS and some pixels without data."""
    rng = np.random.default_rng(7)
    values = rng.normal(100, 20, (3, 2, height, width)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    return xr.DataArray(
        values,
        {
            "t": np.array(["2024-01-01", "2024-02-01", "2024-03-01"], "M8[ns]"),
            "bands": ["red", "nir"],
            "y": 5_200_000 - 10 * np.arange(float(height)),
            "x": 600_000 + 10 * np.arange(float(width)),
        },
        ("t", "bands", "y", "x"),
        attrs={"crs": "EPSG:32632"},
    )


class Lines(list[tuple[str, str, str]]):
    """What code prints."""

    def __call__(self, level: str, text: str, code: str) -> None:
        self.append((level, text, code))

    @property
    def texts(self) -> list[str]:
        return [text for _, text, _ in self]


def ignore(*_: Any) -> None:
    """Take no notice of a log."""
