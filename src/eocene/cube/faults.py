"""Files that could not be read: an error, or left out and told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Item = Mapping[str, Any]

T = TypeVar("T")

ON_ERROR = ("raise", "skip")
"""What is done about a file that is missing, cut off or broken."""


class Faults:
    """What was left out of a cube, each file once; any number of threads may add to it.

    ``found`` has collection, item, asset, href and problem of each, as lineage has it, and grows while the
    cube is read.
    """

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()
        self.found: list[dict[str, str]] = []
        self._lock = threading.Lock()

    def add(self, item: Item, band: str, error: DamageError) -> None:
        """Note that the file of a band was left out, and why."""
        fault = {
            "collection": str(item.get("collection", "")),
            "item": str(item.get("id", "")),
            "asset": band,
            "href": str(item["assets"][band].get("href", "")),
            "problem": error.message,
        }
        with self._lock:
            if (fault["href"], band) not in self._seen:
                self._seen.add((fault["href"], band))
                self.found.append(fault)

    def told(self) -> list[dict[str, str]]:
        """Return what was left out, in order."""
        with self._lock:
            return sorted(self.found, key=lambda f: (f["item"], f["asset"], f["href"]))

    def attempt(self, item: Item, band: str, on_error: str, work: Callable[[], T]) -> T | None:
        """Return what ``work`` returns, None if a file is broken and is to be skipped.

        Raises
        ------
        DamageError
            If it is not to be skipped.
        """
        try:
            return work()
        except DamageError as error:
            if on_error != "skip":
                raise
            self.add(item, band, error)
            return None
