"""What an account sees of a shared workspace: the data of all, its own uploads, its own jobs' results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eocene.archive.fetch.urls import Url
    from eocene.archive.store import Bucket
    from eocene.model.layout import Layout

CACHE = "cache"
"""The folder of what was brought here from the object store."""


@dataclass(frozen=True)
class Sight:
    """Tells of files and objects of a workspace whether they are hidden.

    Parameters
    ----------
    layout : Layout
        The workspace, with the account; without one nothing is hidden.
    bucket : Bucket or None
        The object store of the workspace.
    owns_job : callable, optional
        Tells of the id of a job whether it is the account's; without it results are everybody's.
    """

    layout: Layout
    bucket: Bucket | None
    owns_job: Callable[[str], bool] | None

    def hides_job(self, job: str) -> bool:
        """Tell whether the results of a job are another account's."""
        return self.layout.account is not None and self.owns_job is not None and not self.owns_job(job)

    def hides(self, path: Path) -> bool:
        """Tell whether a file, its links resolved, is another account's."""
        root = self.layout.root.resolve()
        if self.layout.account is None or not path.is_relative_to(root):
            return False
        room, *inner = path.relative_to(root).parts
        return self._hides(room, inner)

    def hides_url(self, url: Url) -> bool:
        """Tell whether an object of the store is another account's."""
        name = None if self.bucket is None or self.layout.account is None else self.bucket.name_of(url)
        if name is None:
            return False
        room, *inner = name.split("/")
        return self._hides(room, inner)

    def name_object(self, url: Url) -> str | None:
        """Return the name of an object of the store by its URL, None if it is hidden or lies elsewhere."""
        return None if self.bucket is None or self.hides_url(url) else self.bucket.name_of(url)

    def _hides(self, room: str, inner: list[str]) -> bool:
        if room == CACHE and inner:
            room, *inner = inner
        if room == self.layout.results.name:
            return bool(inner) and self.hides_job(inner[0])
        if room == self.layout.files.parent.name:
            return inner[:1] != [self.layout.files.name]
        return room == self.layout.incoming.name
