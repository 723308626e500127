"""The way back: a workspace appears whole, or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url

from eocene.archive import Search
from eocene.archive.catalogue.sqlite import SqliteCatalogue
from eocene.archive.places import open_catalogue
from eocene.archive.store.bucket import VARIABLE as STORE
from eocene.jobs.backup.dumps import CATALOGUE, is_postgres, restore_postgres
from eocene.jobs.backup.folder import BackupFolder
from eocene.model import DamageError, InputError, Layout
from eocene.model.files import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eocene.archive.catalogue.interface import Catalogue
    from eocene.jobs.backup.folder import Snapshot


def restore_workspace(
    source: Path,
    root: Path,
    *,
    name: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Snapshot:
    """Make a workspace of a backup; every file is compared with its checksum before the folder appears.

    Items whose files lay in the workspace find them in the new one. Databases of PostgreSQL are restored into
    those that ``EOCENE_DATABASE`` and ``EOCENE_CATALOGUE`` name, which must be empty. Objects of a store are
    not brought back: ``EOCENE_STORE`` names that which holds them.

    Parameters
    ----------
    source : Path
        The folder of backups.
    root : Path
        Where the workspace shall be; nothing may be there but an empty folder.
    name : str, optional
        Which backup; the newest by default.
    progress : callable, optional
        Called with (files done, all files).

    Raises
    ------
    NotFoundError
        If there is no such backup.
    DamageError
        If a file of the backup is missing or changed; it is named, and nothing appears.
    InputError
        If the place is taken, or a database or the object store is not named.
    """
    root = root.resolve()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InputError(f"{root} is not empty.", "Name a new folder.", code="FilePathInvalid")
    folder = BackupFolder(source.absolute())
    snapshot = folder.read(name)
    urls = _find_databases(snapshot)
    _check_store(snapshot)
    root.parent.mkdir(parents=True, exist_ok=True)
    temporary = root.with_name(f".{root.name}.{secrets.token_hex(4)}")
    try:
        _fetch_all(folder, snapshot, temporary, progress)
        for key, url in urls.items():
            restore_postgres(make_url(url), temporary / snapshot.databases[key].path)
            (temporary / snapshot.databases[key].path).unlink()
        _move_items(temporary, snapshot.root, str(root), urls)
        os.sync()
        temporary.rename(root)
        sync_folder(root.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return snapshot


def _find_databases(snapshot: Snapshot) -> dict[str, str]:
    urls = {key: os.environ.get(key, "") for key in snapshot.databases}
    for key, url in urls.items():
        if not is_postgres(url):
            raise InputError(
                f"The backup holds a database of PostgreSQL, and {key} names none.",
                f"Set {key} to the address of an empty database.",
            )
    return urls


def _check_store(snapshot: Snapshot) -> None:
    if snapshot.store and not os.environ.get(STORE, "").strip():
        raise InputError(
            f"Results and uploads of this workspace lie in {snapshot.store}, and {STORE} names no store.",
            f"Set {STORE} to it, or to a copy of it.",
        )


def _fetch_all(
    folder: BackupFolder, snapshot: Snapshot, target: Path, progress: Callable[[int, int], None] | None
) -> None:
    damaged = []
    target.mkdir()
    for number, entry in enumerate(snapshot.entries, start=1):
        if not folder.fetch(entry, target / entry.path):
            damaged.append(entry.path)
        if progress is not None:
            progress(number, len(snapshot.entries))
    if damaged:
        raise DamageError(
            f"{len(damaged)} files of the backup {snapshot.name} are damaged: {', '.join(damaged[:10])}.",
            "Nothing was restored; restore an older backup by its name.",
        )


def _move_items(folder: Path, old: str, new: str, urls: dict[str, str]) -> None:
    """Let items name files of the workspace where these lie from now on."""
    if old == new:
        return
    layout = Layout(folder)
    if CATALOGUE in urls:
        catalogue: Catalogue = open_catalogue(layout.catalogue)
    elif layout.catalogue.exists():
        catalogue = SqliteCatalogue(layout.catalogue)
    else:
        return
    with closing(catalogue):
        moved = [
            changed
            for item in catalogue.iterate(Search())
            if (changed := _move(item, old.rstrip("/"), new)) != item
        ]
        roots = [_move(path, old.rstrip("/"), new) for path in catalogue.roots()]
        catalogue.put_items(moved, roots=roots)


def _move(value: Any, old: str, new: str) -> Any:
    """Return a document in which all paths under one folder stand under another."""
    if isinstance(value, dict):
        return {key: _move(part, old, new) for key, part in value.items()}
    if isinstance(value, list):
        return [_move(part, old, new) for part in value]
    if isinstance(value, str) and (value == old or value.startswith(f"{old}/")):
        return new + value[len(old) :]
    return value
