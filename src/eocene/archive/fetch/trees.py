"""A folder that is handed in as a whole: its links stay inside, and all else in it are plain files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from eocene.archive.fetch.refusal import refuse_path

if TYPE_CHECKING:
    from collections.abc import Iterable


def check_tree(path: Path, roots: Iterable[Path] = ()) -> None:
    """Refuse a product from which a reader could be led outside, or that could keep it waiting for ever.

    Parameters
    ----------
    path : Path
        A file or folder; what does not exist passes.
    roots : iterable of Path
        Folders, resolved, into which links may lead besides.

    Raises
    ------
    InputError
        If it is a link that leads out of its folder, a link in it leads elsewhere or nowhere, or
        something in it is a pipe, a socket or a device.
    """
    try:
        top = path.resolve()
    except (OSError, RuntimeError) as error:
        raise refuse_path(str(path), "it is a link that leads nowhere") from error
    allowed = (top, *roots)
    if path.is_symlink():
        _check_link(path, (path.parent.resolve(), *roots))
    if top.exists() and not (top.is_dir() or top.is_file()):
        raise refuse_path(str(path), "it is not a regular file")
    folders = [str(top)] if top.is_dir() else []
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    _check_link(Path(entry.path), allowed)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif not entry.is_file(follow_symlinks=False):
                    raise refuse_path(entry.path, "it is not a regular file")


def _check_link(link: Path, allowed: Iterable[Path]) -> None:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise refuse_path(str(link), "it is a link that leads nowhere") from error
    if not any(target.is_relative_to(root) for root in allowed):
        raise refuse_path(str(link), "it is a link that leads out of the folder")
    if not (target.is_file() or target.is_dir()):
        raise refuse_path(str(link), "it does not lead to a regular file")
