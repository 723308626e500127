"""What is done with a result when it is written: its STAC changed, its files copied elsewhere."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eocene.model import InputError
from eocene.model.files import write_json
from eocene.process.graph import NodeRef

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from eocene.process.run import Plan

STEPS = ("save_result", "stac_modify", "export_workspace")
"""Processes that hand their data on and are carried out at the end."""

_KEPT = ("type", "stac_version", "id", "links", "assets")
_SEGMENT = re.compile(r"[\w\-.~]+")


@dataclass(frozen=True)
class Step:
    """One of :data:`STEPS` with its arguments."""

    process: str
    arguments: Mapping[str, Any]


def find_steps(plan: Plan) -> list[Step]:
    """Return what the graph ends in, in the order in which it is done."""
    nodes = {node.id: node for node in plan.graph.nodes}
    steps: list[Step] = []
    current = nodes.get(plan.graph.result)
    while current is not None and current.process in STEPS:
        planned = plan.nodes.by_id.get(current.id)
        steps.append(Step(current.process, planned.arguments if planned else current.arguments))
        data = current.arguments.get("data")
        current = nodes.get(data.node) if isinstance(data, NodeRef) else None
    return steps[::-1]


def find_format(plan: Plan) -> Step | None:
    """Return the save_result that says in which format the result is wanted, if there is one."""
    return next((s for s in reversed(find_steps(plan)) if s.process == "save_result"), None)


def refuse_export(plan: Plan) -> None:
    """Raise InputError if the result is to be exported, which only a batch job does."""
    if any(step.process == "export_workspace" for step in find_steps(plan)):
        raise InputError(
            "export_workspace copies the result of a batch job, and this is none.",
            "Run the graph as a batch job, or leave export_workspace out.",
            code="ProcessUnsupported",
        )


def deliver(plan: Plan, folder: Path, collection: dict[str, Any]) -> dict[str, Any]:
    """Carry out what the graph ends in on a result that lies in a folder; return its collection, changed."""
    for step in find_steps(plan):
        if step.process == "stac_modify":
            collection = merge_patch(collection, step.arguments["changes"])
            write_json(folder / "collection.json", collection)
        elif step.process == "export_workspace" and plan.archive is not None:
            target = plan.archive.layout.exports / step.arguments["workspace"]
            _export(folder, collection, target, step.arguments.get("merge"))
    return collection


def merge_patch(target: Any, patch: Any) -> Any:
    """Return a JSON value changed by a merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def check_changes(changes: Any) -> None:
    """Raise InputError if a patch is no object, or touches what says which files belong to the result."""
    kept = [key for key in _KEPT if key in changes] if isinstance(changes, dict) else ["it is no object"]
    if kept:
        raise InputError(
            f"The changes cannot be made: {', '.join(kept)}.",
            f"Change other members of the STAC document than {', '.join(_KEPT)}.",
            code="ProcessParameterInvalid",
        )


def check_place(workspace: str, merge: str | None) -> None:
    """Raise InputError if a name or path would leave the folder of exports."""
    for part in (workspace, *_split(merge)):
        if not _SEGMENT.fullmatch(part) or not part.strip("."):
            raise InputError(
                f"{part[:80]!r} cannot be part of an export's path.",
                "Use letters, digits, -, ., _ and ~, and slashes between the parts of 'merge'.",
                code="ProcessParameterInvalid",
            )


def _split(merge: str | None) -> list[str]:
    return [] if merge is None else merge.strip("/").removesuffix("/collection.json").split("/")


def _export(folder: Path, collection: dict[str, Any], target: Path, merge: str | None) -> None:
    check_place(target.name, merge)
    place = target.joinpath(*_split(merge)) if merge is not None else target / collection["id"]
    if merge is not None and (place / "collection.json").is_file():
        _copy(folder, place / collection["id"])
        _merge_into(place, collection)
    else:
        _copy(folder, place)


def _copy(folder: Path, place: Path) -> None:
    """Put a copy of a folder in a place, there with all of it or not at all; replace an earlier one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        shutil.copytree(folder, draft)
        if place.exists():
            old = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
            place.rename(old)
            shutil.rmtree(old)
        draft.rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _merge_into(place: Path, added: dict[str, Any]) -> None:
    """Put the items and assets of a collection, copied below ``place``, into the collection there."""
    target = json.loads((place / "collection.json").read_text(encoding="utf-8"))
    inner = place / added["id"]
    links = {(link["rel"], link["href"]): link for link in target["links"]}
    for link in added["links"]:
        href = link["href"]
        if link["rel"] == "item":
            item = json.loads((inner / href).read_text(encoding="utf-8"))
            write_json(inner / href, _adopt(item, target["id"]))
            href = _below(added["id"], href)
        links[link["rel"], href] = {**link, "href": href}
    assets = {f"{added['id']}_{key}": _moved(asset, added["id"]) for key, asset in added["assets"].items()}
    merged = {
        **target,
        "links": list(links.values()),
        "assets": {**target.get("assets", {}), **assets},
        "extent": _join_extents(target["extent"], added["extent"]),
    }
    write_json(place / "collection.json", merged)


def _adopt(item: dict[str, Any], collection: str) -> dict[str, Any]:
    """Return an item that belongs to the collection one folder up."""
    links = [
        {**link, "href": "../collection.json"} if link["rel"] == "collection" else link
        for link in item["links"]
    ]
    return {**item, "collection": collection, "links": links}


def _moved(asset: dict[str, Any], folder: str) -> dict[str, Any]:
    return {**asset, "href": _below(folder, asset["href"])}


def _below(folder: str, href: str) -> str:
    return f"./{folder}/{href.removeprefix('./')}"


def _join_extents(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    boxes = [extent["spatial"]["bbox"][0] for extent in (a, b)]
    half = len(boxes[0]) // 2
    box = [(min if n < half else max)(values) for n, values in enumerate(zip(*boxes, strict=True))]
    spans = [extent["temporal"]["interval"][0] for extent in (a, b)]
    starts, ends = zip(*spans, strict=True)
    span = [None if None in starts else min(starts), None if None in ends else max(ends)]
    return {"spatial": {"bbox": [box]}, "temporal": {"interval": [span]}}
