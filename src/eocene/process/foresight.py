"""Tell the sources of a plan which windows they will be asked for, so that they keep what is wanted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from eocene.cube.source import CubeSource
from eocene.process.cost.memory import need_nearly
from eocene.process.evaluate import Window, find_needs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eocene.model import Grid
    from eocene.process.schema import PlanNodes

_MOST_WINDOWS = 4096
"""Of more windows it is not told: looking for what they need would take too long."""


def foresee_reads(plan: PlanNodes, windows: Iterable[Grid], target: str) -> None:
    """Tell each source of a plan which windows of it computing the target on some windows will read.

    Sources that may read the same files are told nothing: neither knows what the other wants.
    """
    loads = {n.id: n.source for n in plan.nodes if isinstance(n.source, CubeSource)}
    users = Counter(key for source in loads.values() for key in _what(source))
    loads = {node: source for node, source in loads.items() if all(users[key] == 1 for key in _what(source))}
    asked = list(dict.fromkeys(windows))
    if not loads or len(asked) > _MOST_WINDOWS:
        return
    needs = [find_needs(plan, Window(window), target, need=need_nearly) for window in asked]
    for node, source in loads.items():
        inside = (source.grid.intersect(need[node].grid) for need in needs if node in need)
        source.visits.foresee(window for window in inside if window is not None)


def _what(source: CubeSource) -> set[tuple[str, str]]:
    """Return collection and name of each band that a source reads."""
    collections = {str(item.get("collection", "")) for item in source.items}
    return {(collection, band.name) for collection in collections for band in source.bands}
