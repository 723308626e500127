"""Backup and restore of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eocene.cli.console import HERE, WorkspaceOption, app, open_workspace, print_json, show_progress


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="Folder of backups; made if there is none.")],
    workspace: WorkspaceOption = HERE,
    keep: Annotated[int | None, typer.Option(min=1, help="How many backups stay; all by default.")] = None,
    check: Annotated[bool, typer.Option(help="Read the newest backup whole instead of making one.")] = False,
) -> None:
    """Back up a workspace while it is used; only what is new is written. With --check, 1 means damage."""
    from eocene.jobs.backup import BackupFolder, back_up

    if check:
        folder = BackupFolder(target)
        snapshot = folder.read()
        damaged = folder.find_damage(snapshot)
        print_json({"backup": snapshot.name, "files": len(snapshot.entries), "damaged": damaged})
        raise typer.Exit(1 if damaged else 0)
    with open_workspace(workspace) as ws:
        saved = back_up(ws.layout, target, keep=keep, progress=show_progress("files"))
    entries = saved.snapshot.entries
    print_json({
        "backup": saved.snapshot.name, "files": len(entries), "bytes": sum(e.size for e in entries),
        "written": saved.written_bytes, "forgotten": list(saved.forgotten),
        "left_in_store": saved.snapshot.store or None,
    })  # fmt: skip


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="Folder of backups.")],
    workspace: Annotated[Path, typer.Argument(help="Where the workspace shall be; nothing may be there.")],
    name: Annotated[str | None, typer.Option("--backup", help="Name of a backup; the newest.")] = None,
) -> None:
    """Make a workspace of a backup; every file is compared with its checksum before it appears."""
    from eocene.jobs.backup import restore_workspace

    snapshot = restore_workspace(source, workspace, name=name, progress=show_progress("files"))
    print_json({"backup": snapshot.name, "created": snapshot.created, "files": len(snapshot.files)})
