"""Random blocks with no-data, NaN and infinity in them, and how far a result is from what is expected."""

from __future__ import annotations

from typing import Any

import numpy as np

from eocene.cube.block import Block
from eocene.process import registry
from tests.cube.scenes import TINY

DTYPES = ("uint8", "uint16", "int16", "int32", "float32", "float64")
TIMES = tuple(np.datetime64("2024-03-01", "s") + np.timedelta64(17 * i, "D") for i in range(7))
X = {"from_parameter": "x"}


def make_block(dtype: str, seed: int = 0, bands: tuple[str, ...] = ("a", "b")) -> Block:
    """Return a cube with no-data, and in floats also NaN and infinity, which are values."""
    random = np.random.default_rng(seed)
    shape = (len(TIMES), len(bands), *TINY.shape)
    if np.dtype(dtype).kind == "f":
        values = random.uniform(-9, 9, shape).astype(dtype)
        values[random.random(shape) < 0.02] = np.nan
        values[random.random(shape) < 0.02] = np.inf
    else:
        info = np.iinfo(dtype)
        values = random.integers(info.min, info.max, shape, endpoint=True).astype(dtype)
    labels = {"t": TIMES, "bands": bands}
    return Block(values, ("t", "bands", "y", "x"), labels, random.random(shape) < 0.75, TINY)


def wide(values: np.ndarray) -> np.ndarray:
    """Promote as promised: 8 and 16 bits to float32, 32 bits to float64."""
    if values.dtype.kind == "f":
        return values
    return values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)


def valid_of(block: Block) -> np.ndarray:
    return np.ones(block.values.shape, bool) if block.valid is None else block.valid


def differences(found: Block, values: np.ndarray, valid: np.ndarray, *, exact: bool = True) -> str:
    """Say how a block differs from what is expected in mask, dtype or the values of what is data."""
    if not np.array_equal(valid_of(found), valid):
        return f"masks differ at {np.argwhere(valid_of(found) != valid)[:3].tolist()}"
    if found.values.dtype != values.dtype:
        return f"{found.values.dtype} instead of {values.dtype}"
    one, two = found.values[valid], values[valid]
    tolerance = 0 if exact else 1e-6 if values.dtype == np.float32 else 1e-12
    same = np.isclose(one, two, tolerance, 0, equal_nan=values.dtype.kind == "f")
    return "" if same.all() else f"{one[~same][:3]} instead of {two[~same][:3]}"


def defaults(name: str) -> dict[str, Any]:
    return {p["name"]: p["default"] for p in registry.get(name).spec["parameters"] if p.get("optional")}
