"""How many of the cases of dtypes and no-data come out right, here and in openeo-processes-dask.

Run with ``python benchmarks/dtypes.py --peer /path/to/peer/bin/python`` (its environment:
``benchmarks/engine/peer-requirements.txt``); prints a Markdown table. The cases and their answers are
those of ``tests/process/dtypes``. Only values and no-data are judged, not the dtype of the result.

The peer knows no mask: where there is no-data it gets what xarray would make of it, floats with NaN, and
NaN is taken for no-data in its answers. What it answers where an operand is NaN itself is not judged, since
it cannot tell the two apart. Each case is tried with numpy and with Dask arrays; one is enough.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import subprocess
import sys
import warnings
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.process.dtypes.cases import DTYPES, Case, agree  # noqa: E402
from tests.process.dtypes.suite import FAMILIES  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Counts = dict[str, dict[str, list[int]]]

PEER = "openeo_processes_dask.process_implementations"
COLUMNS = ("arithmetic", "indices", "functions", "comparison", "logic", "reducers")


def count_right(is_right: Callable[[Case], bool]) -> Counts:
    """Return family → dtype → how many cases are right, and how many there are."""
    counts: Counts = defaultdict(lambda: {dtype: [0, 0] for dtype in DTYPES})
    for dtype in DTYPES:
        for make_cases in FAMILIES.values():
            for case in make_cases(dtype):
                counts[case.family][dtype][0] += is_right(case)
                counts[case.family][dtype][1] += 1
    return counts


def is_right_here(case: Case) -> bool:
    """Tell whether our answer is right."""
    from tests.process.dtypes.test_dtypes import compute

    block = compute(case)
    known = np.ones(block.values.shape, bool) if block.valid is None else block.valid
    return agree(case, block.values, known)


def ask_peer() -> Callable[[Case], bool]:
    """Return the same of the peer."""
    functions = inspect.getmembers(importlib.import_module(PEER), inspect.isfunction)
    processes = {name.strip("_"): function for name, function in functions}

    def is_right(case: Case) -> bool:
        function = processes.get(case.process)
        return function is not None and any(_try(function, case, kind) for kind in _kinds())

    return is_right


def _kinds() -> Iterator[Callable[[Any], Any]]:
    import dask.array

    yield np.asarray
    yield dask.array.from_array


def _try(function: Callable[..., Any], case: Case, make: Callable[[Any], Any]) -> bool:
    options = dict(case.options) | ({"axis": 0} if case.is_series else {})
    given = {}
    for name, value in case.operands.items():
        mask = case.masks.get(name)
        values = value if mask is None else np.where(mask, np.asarray(value, np.float64), np.nan)
        given[name] = make(values) if isinstance(values, np.ndarray) else values
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            values = np.asarray(function(**given, **options))
            return _agree_with_nan(case, values.astype(np.float64))
        except Exception:  # noqa: BLE001  whatever it raises, it has not answered
            return False


def _agree_with_nan(case: Case, values: Any) -> bool:
    """Compare answers in which NaN stands for no-data as well."""
    expected = np.where(case.known, case.expected.astype(np.float64), np.nan)
    values = np.broadcast_to(values, expected.shape)
    with np.errstate(all="ignore"):
        rounded = expected.astype(case.result if case.result == "float32" else np.float64)
    tolerance = 4e-6 if case.result == "float32" else 1e-13
    close = [np.isclose(values, e, rtol=tolerance, atol=tolerance * 1e-3, equal_nan=True)
             for e in (expected, rounded)]  # fmt: skip
    return bool((close[0] | close[1] | _has_nan(case)).all())


def _has_nan(case: Case) -> Any:
    """Tell where the answer hangs on a NaN that is a value."""
    found: Any = np.False_
    for name, value in case.operands.items():
        mask = case.masks.get(name)
        here = np.isnan(np.asarray(value, np.float64)) & (True if mask is None else mask)
        found = found | (here.any(axis=0) if case.is_series else here)
    return found


def print_table(ours: Counts, peer: Counts | None) -> None:
    print(f"| dtype | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
    for dtype in DTYPES:
        cells = []
        for family in COLUMNS:
            right, total = ours[family][dtype]
            theirs = f" · {peer[family][dtype][0]}" if peer else ""
            cells.append(f"{right}{theirs} of {total}")
        print(f"| {dtype} | {' | '.join(cells)} |")
    totals = [[sum(c[f][d][i] for f in c for d in DTYPES) for i in (0, 1)] for c in (ours, peer) if c]
    print(f"\n{', '.join(f'{right:,} of {total:,}' for right, total in totals)}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", help="the peer's python")
    parser.add_argument("--side", choices=["peer"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        print(json.dumps(count_right(ask_peer())))
        return
    peer = None
    if given.peer:
        command = [given.peer, __file__, "--side", "peer"]
        peer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    print_table(count_right(is_right_here), peer)


if __name__ == "__main__":
    main()
