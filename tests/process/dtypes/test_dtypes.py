"""Every dtype, mask and form of operands: the numbers, the no-data and the dtype that are promised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eocene.cube.block import Block
from eocene.process import registry
from tests.process.dtypes.cases import DTYPES, agree
from tests.process.dtypes.suite import FAMILIES

if TYPE_CHECKING:
    from tests.process.dtypes.cases import Case


def to_block(values: Any, mask: Any, *, is_series: bool) -> Any:
    """Return an array as a block: its last dimension is ``b``, the others lie before it."""
    if not isinstance(values, np.ndarray):
        return values
    dims = ("t", "a", "b")[-values.ndim :] if not is_series else ("t", "b")
    labels = {dim: tuple(range(size)) for dim, size in zip(dims, values.shape, strict=True)}
    return Block(values, dims, labels, mask, axis="t" if is_series else None)


def compute(case: Case) -> Block:
    operands = {
        name: to_block(value, case.masks.get(name), is_series=case.is_series)
        for name, value in case.operands.items()
    }
    definition = registry.get(case.process)
    result = definition.call(definition.check_arguments({**operands, **case.options}, "node"))
    assert isinstance(result, Block), f"{case}: {result!r}"
    return result


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_dtype_gives_what_float64_gives(family: str, dtype: str) -> None:
    faults: dict[str, str] = {}
    tried = 0
    for case in FAMILIES[family](dtype):
        tried += 1
        try:
            fault = find_fault(case)
        except Exception as error:  # noqa: BLE001
            fault = f"{type(error).__name__}: {error}"
        if fault:
            faults.setdefault(f"{case.process} {fault[:40]}", f"{case}: {fault}")
    assert tried > 10
    assert not faults, "\n".join(faults.values())


def find_fault(case: Case) -> str:
    result = compute(case)
    known = np.ones(result.values.shape, bool) if result.valid is None else result.valid
    if not agree(case, result.values, known):
        return f"{result.values}, {known} instead of {case.expected}, {case.known}"
    if str(result.values.dtype) != case.result:
        return f"dtype {result.values.dtype} instead of {case.result}"
    return ""
