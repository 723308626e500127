"""Steps of an application: run with progress, timed, and told in a table."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Advance = Callable[[int, int], None]


@dataclass
class Step:
    """One step that was done."""

    name: str
    outcome: str = ""
    figure: str = ""
    seconds: float = 0.0


@dataclass
class Steps:
    """Collects the steps of a run; progress goes to standard error, and no bar off a terminal."""

    console: Console = field(default_factory=lambda: Console(stderr=True))
    done: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[tuple[Step, Advance]]:
        """Run a step: yields the record to fill in, and a callable (finished, total) for its progress."""
        record = Step(name)
        start = time.perf_counter()
        columns = (
            TextColumn("{task.description:<34}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, disable=not self.console.is_terminal) as bar:
            task = bar.add_task(name, total=None)

            def advance(finished: int, total: int) -> None:
                bar.update(task, completed=finished, total=total)

            yield record, advance
            bar.update(task, total=1, completed=1)
        record.seconds = time.perf_counter() - start
        self.done.append(record)
        if not self.console.is_terminal:
            print(f"{name}: {record.outcome} ({record.seconds:.1f} s)", file=sys.stderr, flush=True)

    def as_table(self) -> Table:
        """Return the steps as a table: step, what came out, figure, seconds."""
        table = Table(title="Eocene: from products to an answer", title_justify="left")
        for heading in ("step", "what came out", "figure"):
            table.add_column(heading, overflow="fold")
        table.add_column("seconds", justify="right")
        for step in self.done:
            table.add_row(step.name, step.outcome, step.figure, f"{step.seconds:.1f}")
        return table

    def as_records(self) -> list[dict[str, Any]]:
        """Return the steps as JSON."""
        return [vars(s) | {"seconds": round(s.seconds, 2)} for s in self.done]
