"""Cases of the processes that work value by value: arithmetic, functions, comparison and logic."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.process.dtypes import oracles
from tests.process.dtypes.cases import (
    DTYPES,
    MASKS,
    Case,
    as_float,
    known_of,
    mask_of,
    thirds_of,
    values_of,
    wide,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from tests.process.dtypes.cases import Mask

NUMBERS = (0, 1, -1, 2, 3, 300, 70_000, 0.25, -2.5, None)


def _pairs(dtype: str, other: str) -> tuple[NDArray[Any], NDArray[Any]]:
    x, y = np.meshgrid(values_of(dtype), values_of(other), indexing="ij")
    return x, y


def _binary(process: str, family: str, dtype: str, names: tuple[str, str],
            answer: Callable[[Any, Any], Any], result: str | None) -> Iterator[Case]:  # fmt: skip
    """Yield array with array of every dtype, with one of fewer dimensions, with numbers on either side."""
    first, second = names

    def make(x: Any, y: Any, masks: dict[str, Mask | None]) -> Case:
        with np.errstate(all="ignore"):
            expected = np.broadcast_to(answer(x, y), np.broadcast_shapes(np.shape(x), np.shape(y)))
        dtypes = [str(v.dtype) for v in (x, y) if isinstance(v, np.ndarray)]
        known = known_of(masks, expected.shape) & (x is not None) & (y is not None)
        return Case(
            process, family, dtype, {first: x, second: y}, masks, expected, known, result or wide(*dtypes)
        )

    for other in DTYPES:
        x, y = _pairs(dtype, other)
        for kind in MASKS:
            yield make(x, y, {first: mask_of(kind, x.shape), second: None})
        yield make(x, y, {first: mask_of("some", x.shape, 4), second: mask_of("some", y.shape, 5)})
        yield make(x, values_of(other), {first: None, second: mask_of("some", y.shape[1:], 4)})
    x = values_of(dtype)
    for number, kind in itertools.product(NUMBERS, ("none", "some")):
        yield make(x, number, {first: mask_of(kind, x.shape)})
        yield make(number, x, {second: mask_of(kind, x.shape)})


def arithmetic(dtype: str) -> Iterator[Case]:
    for family, table in (("arithmetic", oracles.ARITHMETIC), ("indices", oracles.INDICES)):
        for process, oracle in table.items():
            names = {"power": ("base", "p"), "log": ("x", "base"), "arctan2": ("y", "x")}.get(
                process, ("x", "y")
            )
            yield from _binary(
                process, family, dtype, names, lambda x, y, f=oracle: f(as_float(x), as_float(y)), None
            )


def functions(dtype: str) -> Iterator[Case]:
    x = values_of(dtype)
    for kind in MASKS:
        mask = mask_of(kind, x.shape)
        known = known_of({"x": mask}, x.shape)
        with np.errstate(all="ignore"):
            for process, oracle in oracles.FUNCTIONS.items():
                name = "p" if process == "exp" else "x"
                yield Case(
                    process,
                    "functions",
                    dtype,
                    {name: x},
                    {name: mask},
                    oracle(as_float(x)),
                    known,
                    wide(dtype),
                )
            for process, (options, oracle) in oracles.BOUNDED.items():
                expected = oracle(as_float(x))
                yield Case(
                    process, "functions", dtype, {"x": x}, {"x": mask}, expected, known, wide(dtype), options
                )
            whole = np.trunc(as_float(x))
            yield Case(
                "int", "functions", dtype, {"x": x}, {"x": mask}, whole, known & ~np.isnan(whole), wide(dtype)
            )


def comparisons(dtype: str) -> Iterator[Case]:
    for process, oracle in oracles.COMPARISONS.items():
        yield from _binary(
            process, "comparison", dtype, ("x", "y"), lambda x, y, f=oracle: compare(f, x, y), "bool"
        )
    x = values_of(dtype)
    for kind, (low, high), open_end in itertools.product(MASKS, ((-1, 100), (1, 2.5)), (False, True)):
        mask = mask_of(kind, x.shape)
        numbers = as_float(x)
        expected = (numbers >= low) & (numbers < high if open_end else numbers <= high)
        options = {"min": low, "max": high, "exclude_max": open_end}
        known = known_of({"x": mask}, x.shape)
        yield Case("between", "comparison", dtype, {"x": x}, {"x": mask}, expected, known, "bool", options)
    for (process, (test, nodata)), kind in itertools.product(oracles.CHECKS.items(), MASKS):
        mask = mask_of(kind, x.shape)
        expected = np.where(known_of({"x": mask}, x.shape), test(as_float(x)), nodata)
        yield Case(
            process, "comparison", dtype, {"x": x}, {"x": mask}, expected, np.ones(x.shape, bool), "bool"
        )


def compare(oracle: Any, x: Any, y: Any) -> Any:
    """Compare integers as Python's, which have no end, and others as float64."""
    if all(np.asarray(v).dtype.kind in "iub" for v in (x, y)):
        return oracle(np.asarray(x).astype(object), np.asarray(y).astype(object)).astype(bool)
    return oracle(as_float(x), as_float(y))


def logic(dtype: str) -> Iterator[Case]:
    """Yield booleans, and numbers of which all but 0 count as true."""
    for process, oracle in oracles.LOGIC.items():
        for other, kinds in itertools.product(DTYPES, itertools.product(MASKS, MASKS)):
            x, y = _pairs(dtype, other)
            masks = {"x": mask_of(kinds[0], x.shape, 4), "y": mask_of(kinds[1], y.shape, 3)}
            a, b = (thirds_of(v, m) for v, m in zip((x, y), masks.values(), strict=True))
            answers = np.frompyfunc(oracle, 2, 1)(a, b)
            known = np.not_equal(answers, None).astype(bool)
            yield Case(process, "logic", dtype, {"x": x, "y": y}, masks, answers == True, known, "bool")  # noqa: E712
    x = values_of(dtype)
    for kind in MASKS:
        mask = mask_of(kind, x.shape)
        yield Case(
            "not",
            "logic",
            dtype,
            {"x": x},
            {"x": mask},
            as_float(x) == 0,
            known_of({"x": mask}, x.shape),
            "bool",
        )
        yes, no = x, x[::-1].copy()
        condition = np.arange(len(x)) % 2 == 0
        chosen = condition if mask is None else condition & mask
        yield Case("if", "logic", dtype, {"value": condition, "accept": yes, "reject": no}, {"value": mask},
                   np.where(chosen, yes, no), np.ones(x.shape, bool), dtype)  # fmt: skip
