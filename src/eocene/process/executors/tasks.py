"""What is done with a block: the functions that executors call, here or on the workers of a cluster.

Each takes the plan and a part, and further arguments by name that are plain JSON; what it writes it
replaces whole, so that it may be done twice.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from eocene.cube.block import Block
    from eocene.model import Grid
    from eocene.process.evaluate import Window
    from eocene.process.run import Plan

_inside: ContextVar[bool] = ContextVar("inside a task", default=False)


@contextmanager
def inside_task() -> Iterator[None]:
    """Mark that a task is running, so that nothing in it is given to a cluster again."""
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def is_inside_task() -> bool:
    """Tell whether a task is running."""
    return _inside.get()


def compute(plan: Plan, part: Window) -> Block:
    """Return a block, of all labels along t or of some."""
    plan.prepare()
    return plan.compute(part.grid, part.times)


def write(
    plan: Plan, part: Window, *, path: str, datatype: str | None, ledger: str | None = None
) -> dict[str, int]:
    """Compute a block into the Zarr at ``path``, in another dtype if one is named.

    Returns what a :class:`~eocene.cube.stored.Tally` counts, by name. With a ledger the block is on the
    disk before it is noted there.
    """
    from eocene.cube.stored import cast_block, count_misfits
    from eocene.cube.write import CubeStore

    store = CubeStore(Path(path), plan.grid, durable=ledger is not None)
    block = compute(plan, part)
    tally = count_misfits(block)
    if datatype is not None:
        block, tally = cast_block(block, np.dtype(datatype))
    try:
        store.write(block, plan.schema.times.index(part.times[0]) if part.times else 0)
    finally:
        if not (store.path / "zarr.json").exists():  # the job was stopped and swept away meanwhile
            shutil.rmtree(store.path, ignore_errors=True)
            with suppress(OSError):
                store.path.parent.rmdir()
    return _note(ledger, "write", part, asdict(tally))


def cog(
    plan: Plan,
    file: dict[str, Any],
    *,
    path: str,
    folder: str,
    dtype: str,
    nodata: float | None,
    ledger: str | None = None,
) -> dict[str, Any]:
    """Make a COG of some layers of the Zarr at ``path`` and return its size and checksum.

    ``file`` has its ``name`` in the folder, the ``layers`` by their positions along the leading
    dimensions, and the descriptions of its ``bands``; ``nodata`` is None for NaN.
    """
    from eocene.cube.cog import write_cog
    from eocene.cube.stored import StoredForm, fill_nodata
    from eocene.cube.write import CubeStore
    from eocene.process.output.stac import describe_file

    store = CubeStore(Path(path), plan.grid)
    form = StoredForm(np.dtype(dtype), np.nan if nodata is None else nodata)

    def read(number: int, window: Grid) -> NDArray[Any]:
        return fill_nodata(store.read(window, file["layers"][number]), form)

    target = Path(folder) / file["name"]
    write_cog(target, plan.grid, form, file["bands"], read)
    return _note(ledger, "cog", file, describe_file(target))


def _note(ledger: str | None, task: str, part: Any, result: dict[str, Any]) -> dict[str, Any]:
    """Note in the ledger, if there is one, that a task is finished; return its result."""
    from eocene.process.executors.ledger import Ledger

    if ledger is not None:
        Ledger(Path(ledger)).note(task, part, result)
    return result


TASKS: dict[str, Callable[..., Any]] = {"compute": compute, "write": write, "cog": cog}
