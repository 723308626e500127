"""Read only the bands that a graph picks: found before planning, applied once the band names are known.

Where every way from a load ends in picking single bands, by name or by position, the other bands are never
looked at. The load then gives these bands alone, and positions in callbacks are replaced by names, so
that they mean the same bands as before.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from eocene.process.graph import Graph, Node, NodeRef, ParameterRef, references

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LOADS = ("load_collection", "load_stac")
_KEEP_BANDS = {
    "apply", "mask", "mask_polygon", "filter_temporal", "filter_bbox", "filter_spatial", "resample_spatial",
    "resample_cube_spatial", "apply_kernel", "sar_backscatter",
}  # fmt: skip
"""Processes whose ``data`` goes on band by band, whatever bands there are."""
_ALONG = {"reduce_dimension", "apply_dimension", "aggregate_temporal", "aggregate_temporal_period"}
"""Processes that do so too, unless they work along the bands."""

Selector = str | int


@dataclass(frozen=True)
class Picks:
    """The bands of a load that are looked at: selectors, and the nodes that pick by position."""

    selectors: tuple[Selector, ...] = ()
    by_position: tuple[Node, ...] = field(default=())


def find_picks(graph: Graph) -> dict[str, Picks]:
    """Return load node → what is picked of it, for the loads of which only single bands are looked at."""
    users: dict[str, list[Node]] = {n.id: [] for n in graph.nodes}
    for node in graph.nodes:
        for other in set(references(dict(node.arguments))):
            users[other].append(node)
    found = {n.id: _follow(n.id, users, graph.result) for n in graph.nodes if n.process in _LOADS}
    return {node: picks for node, picks in found.items() if picks is not None}


def _follow(load: str, users: Mapping[str, Sequence[Node]], result: str) -> Picks | None:
    """Walk all ways from a load; None as soon as one of them may look at every band."""
    pending, seen = [load], {load}
    selectors: list[Selector] = []
    by_position: list[Node] = []
    while pending:
        current = pending.pop()
        if current == result or not users[current]:
            return None
        for user in users[current]:
            if [k for k, v in user.arguments.items() if v == NodeRef(current)] != ["data"]:
                return None
            picked = _pick(user)
            if picked is not None:
                selectors += picked
                by_position += [user] if any(isinstance(s, int) for s in picked) else []
            elif user.process in _KEEP_BANDS or _works_along_others(user):
                if user.id not in seen:
                    seen.add(user.id)
                    pending.append(user.id)
            else:
                return None
    return Picks(tuple(dict.fromkeys(selectors)), tuple(by_position))


def _works_along_others(node: Node) -> bool:
    return node.process in _ALONG and node.arguments.get("dimension", "t") == "t"


def _pick(node: Node) -> list[Selector] | None:
    """Return the bands that a node picks, None if it picks no single ones."""
    arguments = node.arguments
    if node.process == "filter_bands":
        bands = arguments.get("bands")
        known = isinstance(bands, list) and all(isinstance(b, str) for b in bands)
        return list(bands) if known and bands and not arguments.get("wavelengths") else None
    if node.process == "ndvi" and not arguments.get("target_band"):
        names = [arguments.get("nir") or "nir", arguments.get("red") or "red"]
        return names if all(isinstance(n, str) for n in names) else None
    if node.process == "reduce_dimension" and arguments.get("dimension") == "bands":
        return _pick_in_callback(arguments.get("reducer"))
    return None


def _pick_in_callback(graph: Any) -> list[Selector] | None:
    """Return what the ``array_element`` calls of a callback pick, None if it also does something else."""
    if not isinstance(graph, Graph):
        return None
    picked: list[Selector] = []
    for node in graph.nodes:
        if node.process == "array_element" and node.arguments.get("data") == ParameterRef("data"):
            selector = node.arguments.get("label", node.arguments.get("index"))
            if not isinstance(selector, str | int) or isinstance(selector, bool):
                return None
            picked.append(selector)
        elif _mentions_data(dict(node.arguments)):
            return None
    return picked


def _mentions_data(value: Any) -> bool:
    """Tell whether the array itself is used; in a callback of the callback, anything may be."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, Graph) or current == ParameterRef("data"):
            return True
        if isinstance(current, dict):
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
    return False


def choose_bands(
    picks: Picks, names: Sequence[str], common: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, Node]] | None:
    """Return the bands to read, in their order, and the nodes that take the place of those by position.

    Parameters
    ----------
    picks : Picks
        Of the load.
    names : sequence of str
        Its bands.
    common : mapping
        Band name → common name.

    Returns
    -------
    tuple or None
        None if all bands are read, or if one that is picked is not there, which its process will say.
    """
    by_common = {c: n for n, c in reversed(list(common.items()))}
    chosen = set()
    for selector in picks.selectors:
        if isinstance(selector, int):
            if not 0 <= selector < len(names):
                return None
            chosen.add(names[selector])
        elif selector in names or selector in by_common:
            chosen.add(selector if selector in names else by_common[selector])
        else:
            return None
    if not chosen or len(chosen) == len(names):
        return None
    renamed = {node.id: _by_name(node, names) for node in picks.by_position}
    return tuple(n for n in names if n in chosen), renamed


def _by_name(node: Node, names: Sequence[str]) -> Node:
    """Return a node whose callback picks bands by name instead of by position."""
    reducer: Graph = node.arguments["reducer"]
    inner = []
    for step in reducer.nodes:
        index = step.arguments.get("index")
        if step.process == "array_element" and isinstance(index, int) and "label" not in step.arguments:
            rest = {k: v for k, v in step.arguments.items() if k != "index"}
            inner.append(replace(step, arguments={**rest, "label": names[index]}))
        else:
            inner.append(step)
    return replace(node, arguments={**node.arguments, "reducer": replace(reducer, nodes=tuple(inner))})
