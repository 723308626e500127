"""What all commands share: the application, opening a workspace, reading options, printing answers."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eocene.model import EoceneError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.workspace import Workspace

app = typer.Typer(
    name="eocene",
    help="From satellite archives to answers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", envvar="EOCENE_WORKSPACE", help="The workspace folder.")
]
HERE = Path("workspace")


def open_workspace(path: Path, *, create: bool = False) -> Workspace:
    """Open a workspace; raises InputError if there is none and ``create`` does not ask for one."""
    from eocene import workspace

    return workspace.open(path, create=create)


@contextmanager
def open_or_make(path: Path) -> Iterator[Workspace]:
    """Open a workspace, or make one; what was made goes again if the command fails before using it."""
    made = [p for p in (path, *path.parents) if not p.exists()]
    with open_workspace(path, create=True) as workspace:
        try:
            yield workspace
        except EoceneError:
            if made and not workspace.archive.catalogue.collections():
                workspace.close()
                shutil.rmtree(path)
                with suppress(OSError):  # another folder may hold something by now
                    for folder in made[1:]:
                        folder.rmdir()
            raise


def print_json(value: Any) -> None:
    """Write JSON to standard output, one line."""
    sys.stdout.write(json.dumps(value, default=str) + "\n")
    sys.stdout.flush()  # a server's address is read while it runs


def read_bbox(text: str | None) -> list[float] | None:
    """Return west, south, east, north of an option; raises InputError unless these are four numbers."""
    if text is None:
        return None
    try:
        west, south, east, north = (float(v) for v in text.split(","))
    except ValueError as error:
        raise InputError(
            f"The box {text!r} is not four numbers.", "Write west,south,east,north in degrees."
        ) from error
    return [west, south, east, north]


def show_progress(title: str) -> Any:
    """Return a callable (finished, total) that draws a bar on a terminal and nothing elsewhere."""
    if not sys.stderr.isatty():
        return None

    def advance(finished: int, total: int) -> None:
        sys.stderr.write(f"\r{title} {finished}/{total}" + ("\n" if finished == total else ""))

    return advance
