"""How a collection is mirrored, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SyncOptions:
    """How a collection is mirrored.

    Parameters
    ----------
    assets : tuple of str
        Assets, bands or common names; all data of an item if empty.
    copy : bool
        Whether files are fetched; else they are read in place.
    allow : tuple of str
        Prefixes of URLs where assets may lie, besides the source's own server and those of a preset.
    recheck : bool
        Whether files of items that did not change are compared with the source, too.
    workers : int
        How many files are fetched at a time.
    """

    assets: tuple[str, ...] = ()
    copy: bool = True
    allow: tuple[str, ...] = ()
    recheck: bool = False
    workers: int = 8


@dataclass
class SyncReport:
    """What a run did.

    Attributes
    ----------
    collection : str
        Its id.
    added, updated, unchanged : int
        Items.
    files, bytes : int
        That were fetched.
    failed : list of dict
        Items that could not be mirrored, each with its ``item`` and ``error``; what was there of them stays.
    """

    collection: str
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    files: int = 0
    bytes: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return what the command line prints."""
        return dict(vars(self))
