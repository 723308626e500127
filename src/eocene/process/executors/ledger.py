"""What is finished of a piece of work, noted on disk, so that whoever goes on does only the rest.

Each finished part has a file of its own, named by the part and put in place whole after what the part
wrote is on the disk. So a crash at any moment costs the parts that were under way, and no others.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene._version import __version__
from eocene.model.files import write_json
from eocene.process.executors import executor_for
from eocene.process.executors.remote import describe_part, digest_plan
from eocene.process.progress import part_of, steps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eocene.process.progress import Progress
    from eocene.process.run import Plan

_HEAD = "plan.json"


class Ledger:
    """The finished parts of one plan.

    Parameters
    ----------
    folder : Path
        Where it lies.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, plan: Plan) -> tuple[Plan, bool]:
        """Begin, or go on where the same work was left.

        Returns
        -------
        plan : Plan
            The plan, with the memory budget under which the work was begun: it decides where blocks end.
        goes_on : bool
            Whether what was done before is of use; if not, the ledger is new and empty.
        """
        head = _read(self.folder / _HEAD)
        if isinstance(head, dict) and isinstance(head.get("budget"), int):
            again = replace(plan, budget=head["budget"])
            if _describe(again) == head:
                return again, True
        for entry in self.folder.glob("*.json"):
            entry.unlink()
        write_json(self.folder / _HEAD, _describe(plan))
        return plan, False

    def note(self, task: str, part: Any, result: Any) -> None:
        """Note that a task is finished for a part, with what it returned: plain JSON."""
        if (self.folder / _HEAD).exists():  # else the work was given up and swept away meanwhile
            write_json(self.folder / _name(task, part), result)

    def find(self, task: str, parts: Sequence[Any]) -> list[Any]:
        """Return what is noted for each part, None for those that are not finished."""
        return [_read(self.folder / _name(task, part)) for part in parts]


def map_rest(
    plan: Plan,
    task: str,
    parts: Sequence[Any],
    common: Mapping[str, Any],
    *,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] = bool,
) -> list[Any]:
    """Run a task that notes itself for the parts that are not finished; return what all gave, in order.

    Parameters
    ----------
    plan : Plan
        Whose parts.
    task, parts, common, progress, should_stop
        As of :meth:`eocene.process.executors.Executor.map`.
    ledger : Ledger, optional
        What is finished; without it everything is done.
    """
    found = [None] * len(parts) if ledger is None else ledger.find(task, parts)
    left = [part for part, known in zip(parts, found, strict=True) if known is None]
    if left:
        first = len(parts) - len(left)
        total = steps_of(plan.stages_left()) + len(parts)
        more = {} if ledger is None else {"ledger": str(ledger.folder)}
        told = part_of(progress, first, total, total)
        made = executor_for(plan).map(task, left, {**common, **more}, progress=told, should_stop=should_stop)
        rest = iter(list(made))
        found = [next(rest) if known is None else known for known in found]
    return found


def _describe(plan: Plan) -> dict[str, Any]:
    """Return what must be the same for finished parts to fit the others."""
    return {
        "version": __version__,
        "digest": digest_plan(plan),
        "budget": plan.budget,
        "block": plan.block_size,
        "step": plan.step,
    }


def _name(task: str, part: Any) -> str:
    text = json.dumps([task, describe_part(part)], sort_keys=True, default=str)
    return f"{task}-{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"


def _read(path: Path) -> Any:
    with suppress(FileNotFoundError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    return None
