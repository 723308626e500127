"""The cases: every dtype, mask and form of operands for each process, and the answer by the oracles.

The rules, which the documentation states as well:

- Arithmetic is done in float32 for booleans, integers of 8 and 16 bits and float32, in float64 for what
  is wider; beside each other the wider wins, and a plain number widens nothing.
- Integers are compared with integers exactly, with floats as floats.
- A result is no-data where an operand is; in logic, where the known operand does not settle it.
- Reducers pass over no-data, or give it if told not to; NaN is a value, and spoils the result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

DTYPES = (
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64",
)  # fmt: skip
MASKS = ("none", "some", "all")


@dataclass(frozen=True)
class Case:
    """One call of a process: operands with their masks (None: all data), options, and the answer.

    ``order`` says whether the first axis of the operand ``data`` is an array for a reducer.
    """

    process: str
    family: str
    dtype: str
    operands: dict[str, Any]
    masks: dict[str, Mask | None]
    expected: NDArray[Any]
    known: Mask
    result: str
    options: dict[str, Any] = field(default_factory=dict)
    is_series: bool = False

    def __str__(self) -> str:
        shown = {k: getattr(v, "dtype", v) for k, v in self.operands.items()}
        masks = {k: "none" if m is None else f"{(~m).mean():.0%} no-data" for k, m in self.masks.items()}
        return f"{self.process}({shown}, {self.options}), masks {masks}"


def values_of(dtype: str) -> NDArray[Any]:
    """Return numbers that are worth trying, without those that a dtype has not."""
    if dtype == "bool":
        return np.array([False, True])
    if dtype.startswith("float"):
        return np.array(
            [0.0, -0.0, 1, -1, 2, 3, 0.5, -2.5, 100.25, 300, 1e10, -1e10, 2**24, 1e-10,
             np.nan, np.inf, -np.inf], dtype,
        )  # fmt: skip
    info = np.iinfo(dtype)
    wanted = (0, 1, 2, 3, 7, 100, 300, 1000, -1, -2, -100, info.min, info.max, info.max - 1,
              2**24 + 1, 2**53, 2**53 + 1, 2**53 + 2)  # fmt: skip
    return np.array(sorted({v for v in wanted if info.min <= v <= info.max}), dtype)


def mask_of(kind: str, shape: tuple[int, ...], step: int = 3) -> Mask | None:
    if kind == "none":
        return None
    if kind == "all":
        return np.zeros(shape, bool)
    return (np.arange(np.prod(shape)) % step != 1).reshape(shape)


def wide(*dtypes: str) -> str:
    """Return the dtype of arithmetic."""
    narrow = ("bool", "int8", "uint8", "int16", "uint16", "float32")
    return "float32" if all(d in narrow for d in dtypes) else "float64"


def as_float(values: Any) -> Any:
    return np.asarray(values).astype(np.float64)


def known_of(masks: dict[str, Mask | None], shape: tuple[int, ...]) -> Mask:
    known = np.ones(shape, bool)
    for mask in masks.values():
        known &= True if mask is None else mask
    return known


def thirds_of(values: NDArray[Any], mask: Mask | None) -> NDArray[Any]:
    """Return True, False or None for each value."""
    truth = (as_float(values) != 0).astype(object)
    return truth if mask is None else np.where(mask, truth, None)


def agree(case: Case, values: Any, known: Any) -> bool:
    """Tell whether an answer is the expected one, within what the dtype of the result can hold."""
    values, known = (np.broadcast_to(a, case.expected.shape) for a in (values, known))
    if not np.array_equal(known, case.known):
        return False
    got, wanted = values[known], case.expected[known]
    if case.result == "bool" or case.result.startswith(("int", "uint")):
        return bool(np.array_equal(got, wanted))
    with np.errstate(all="ignore"):
        wanted = wanted.astype(case.result)
    tolerance = 4e-6 if case.result == "float32" else 1e-13
    return bool(np.allclose(got, wanted, rtol=tolerance, atol=tolerance * 1e-3, equal_nan=True))
