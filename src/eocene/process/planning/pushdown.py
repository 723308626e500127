"""Push filters down into the loads: less is searched, opened and read, and the values stay the same.

Where the load names no pixel grid of its own, what is asked for decides it, wherever it is asked: the
finest band kept, and the CRS of the items that cover most of the box.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import EoceneError, TimeSpan
from eocene.process.callback import resolve
from eocene.process.graph import Graph, NodeRef, ParameterRef, references

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.process.graph import Node

_DAY = np.timedelta64(1, "D")
_LOADS = ("load_collection", "load_stac")
_FILTERS = {"filter_temporal": "temporal_extent", "filter_bbox": "spatial_extent", "filter_bands": "bands"}
_SOURCES = {"sar_backscatter"}
"""Processes that only change how a load reads, so that filters after them may be done by the load."""
_ARGUMENTS = {"filter_temporal": "extent", "filter_bbox": "extent", "filter_bands": "bands"}


def push_down(graph: Graph, scope: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return load node → arguments that replace its own empty ones.

    A filter is pushed down where it is the only user of the load, alone or through other filters, and
    the load does not filter by the same property itself. The filters stay in the graph, where they
    find nothing left to do. A time span is searched with a day to spare on both sides, because the
    items of one solar day may lie on two days of UTC; ``span`` says which days are then kept.
    """
    users: dict[str, list[Node]] = {n.id: [] for n in graph.nodes}
    for node in graph.nodes:
        for other in set(references(dict(node.arguments))):
            users[other].append(node)
    loads = [node for node in graph.nodes if node.process in _LOADS]
    return {node.id: _collect(node, users, graph.result, scope) for node in loads}


def _collect(
    load: Node, users: Mapping[str, list[Node]], result: str, scope: Mapping[str, Any]
) -> dict[str, Any]:
    hints: dict[str, Any] = {}
    current = load
    while len(users[current.id]) == 1 and current.id != result:
        user = users[current.id][0]
        target = _FILTERS.get(user.process)
        if user.arguments.get("data") != NodeRef(current.id):
            break
        if user.process in _SOURCES:
            current = user
            continue
        if target is None:
            break
        value = _literal(user.arguments.get(_ARGUMENTS[user.process]), scope)
        if value and not load.arguments.get(target) and target not in hints:
            hints |= _widen(value) if target == "temporal_extent" else {target: value}
        current = user
    return hints


def _widen(extent: Any) -> dict[str, Any]:
    try:
        span = TimeSpan.from_openeo(extent)
    except EoceneError:
        return {}  # the filter itself says what is wrong with it
    start, end = extent
    return {
        "temporal_extent": [start and f"{span.start - _DAY}Z", end and f"{span.end + _DAY}Z"],
        "span": span,
    }


def _literal(value: Any, scope: Mapping[str, Any]) -> Any:
    """Return the value of an argument that holds no node, None otherwise."""
    if isinstance(value, ParameterRef) and value.name not in scope:
        return None
    if any(references(value)):
        return None
    try:
        return resolve(value, scope, {}, "")
    except EoceneError:
        return None
