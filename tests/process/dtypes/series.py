"""Cases of the reducers: many short series, with no-data and NaN among them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.process.dtypes import oracles
from tests.process.dtypes.cases import DTYPES, Case, as_float, thirds_of, values_of, wide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tests.process.dtypes.cases import Mask

LENGTH = 5


def series_of(dtype: str) -> tuple[NDArray[Any], Mask]:
    """Return arrays of five values (first axis) with masks: none, all and others masked at random."""
    random = np.random.default_rng(DTYPES.index(dtype))
    moderate = values_of(dtype)
    moderate = (
        moderate[np.abs(as_float(moderate)) <= 2**53] if dtype.startswith(("int", "uint")) else moderate
    )
    data = random.choice(moderate, (LENGTH, 60))
    valid = random.random(data.shape) < 0.7
    valid[:, :20], valid[:, 20:25] = True, False
    return data, valid


def reducers(dtype: str) -> Iterator[Case]:
    data, valid = series_of(dtype)
    for (process, oracle), ignore, is_masked in itertools.product(
        oracles.REDUCERS.items(), (True, False), (True, False)
    ):
        mask = valid if is_masked else None
        answers = [
            reduce_series(oracle, as_float(data[:, i]), None if mask is None else mask[:, i], ignore=ignore)
            for i in range(data.shape[1])
        ]
        yield _series_case(process, dtype, data, mask, answers, wide(dtype), {"ignore_nodata": ignore})
    yield from _pickers(dtype, data, valid)


def reduce_series(oracle: Any, numbers: Any, mask: Mask | None, *, ignore: bool) -> Any:
    kept = numbers if mask is None else numbers[mask]
    if not len(kept) or (not ignore and len(kept) < len(numbers)):
        return None
    with np.errstate(all="ignore"):
        return np.nan if np.isnan(kept).any() else oracle(kept)


def _pickers(dtype: str, data: NDArray[Any], valid: Mask) -> Iterator[Case]:
    """Yield the reducers that pick, count or decide: exact, whatever the size of the integers."""
    extremes = np.random.default_rng(1).choice(values_of(dtype), data.shape)
    for process, step in (("first", 1), ("last", -1)):
        for ignore in (True, False):
            answers = []
            for column, here in zip(extremes.T[:, ::step], valid.T[:, ::step], strict=True):
                known = list(column[here]) if ignore else [column[0]] if here[0] else []
                answers.append(known[0] if known else None)
            yield _series_case(process, dtype, extremes, valid, answers, dtype, {"ignore_nodata": ignore})
    counts = (np.isfinite(as_float(data)) & valid).sum(axis=0)
    yield _series_case("count", dtype, data, valid, list(counts), "float64", {})
    for process, ignore in itertools.product(("any", "all"), (True, False)):
        fold, start = (_decide_or, False) if process == "any" else (_decide_and, True)
        answers = [fold(thirds_of(c, m), start, ignore=ignore) for c, m in zip(data.T, valid.T, strict=True)]
        yield _series_case(process, dtype, data, valid, answers, "bool", {"ignore_nodata": ignore})


def _decide_or(thirds: Any, start: bool, *, ignore: bool) -> Any:
    kept = [t for t in thirds if t is not None or not ignore]
    result: Any = start
    for third in kept:
        result = oracles.LOGIC["or"](result, third)
    return result


def _decide_and(thirds: Any, start: bool, *, ignore: bool) -> Any:
    kept = [t for t in thirds if t is not None or not ignore]
    result: Any = start
    for third in kept:
        result = oracles.LOGIC["and"](result, third)
    return result


def _series_case(
    process: str, dtype: str, data: Any, mask: Any, answers: list[Any], result: str, options: Any
) -> Case:
    known = np.array([a is not None for a in answers])
    expected = np.array([0 if a is None else a for a in answers], None if result == dtype else np.float64)
    return Case(
        process, "reducers", dtype, {"data": data}, {"data": mask}, expected, known, result, options, True
    )
