"""The card of a data set: what is in it, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.curate.dataset import Dataset
    from eocene.curate.samples import Samples

BLOCK_SIZE_M = 160.0
LICENCE = "other"
"""STAC's word for a licence that is not told."""
_UNTOLD = "None are recorded; `eocene dataset check` looks for them."


def describe_samples(samples: Samples | Dataset, block_size_m: float = BLOCK_SIZE_M) -> dict[str, Any]:
    """Return counts, blocks, columns, licence, faults and sources of samples, as JSON."""
    which = _locate(samples, block_size_m)
    classes = []
    for value, count in samples.counts.items():
        entry: dict[str, Any] = {"value": value, "name": samples.class_names[value], "samples": count}
        if which is not None:
            entry["blocks"] = len(np.unique(which[samples.labels == value]))
        classes.append(entry)
    x, y = samples.x, samples.y
    return {
        "id": samples.id,
        "licence": str(samples.sources.get("licence", LICENCE)),
        "samples": len(samples),
        "layers": {name: layer.to_json() for name, layer in samples.layers.items()},
        "epsg": samples.epsg,
        "extent": [float(v) for v in (x.min(), y.min(), x.max(), y.max())] if len(samples) else [],
        "block_size_m": block_size_m if which is not None else None,
        "blocks": len(np.unique(which)) if which is not None else None,
        "classes": classes,
        "columns": [_describe_column(name, samples.columns[name]) for name in samples.columns],
        "faults": dict(samples.faults),
        "sources": dict(samples.sources),
    }


def _locate(samples: Samples | Dataset, block_size_m: float) -> Any:
    """Return the number of each sample's block; None where there are no metres."""
    from eocene.curate import locate_blocks

    try:
        blocks = locate_blocks(samples, block_size_m)
    except InputError:
        return None
    return np.unique(blocks[:, 0] * 2**32 + blocks[:, 1], return_inverse=True)[1].reshape(-1)


def _describe_column(name: str, values: Any) -> dict[str, Any]:
    """Return what a column holds: the range of numbers and instants, how many texts there are."""
    told: dict[str, Any] = {"name": name, "dtype": values.dtype.name}
    known = values[~np.isnat(values)] if values.dtype.kind == "M" else values
    if values.dtype.kind == "f":
        known = values[np.isfinite(values)]
    if values.dtype.kind in "Ub":
        told["distinct"] = len(np.unique(values))
    elif len(known):
        told |= {"minimum": _plain(known.min()), "maximum": _plain(known.max())}
    return told


def _plain(value: Any) -> Any:
    return f"{value}Z" if isinstance(value, np.datetime64) else value.item()


def write_card(card: Mapping[str, Any]) -> str:
    """Return the card as Markdown."""
    shapes = (
        f"{name}: {' × '.join(str(len(axis['labels'])) for axis in layer['axes'])} "
        f"({', '.join(axis['dimension'] for axis in layer['axes'])}), stored as {layer['dtype']}"
        for name, layer in card["layers"].items()
    )
    lines = [
        f"# Data set {card['id']}",
        "",
        f"{card['samples']} samples in EPSG:{card['epsg']}. Licence: {card['licence']}.",
        "",
        *(f"- {shape}" for shape in shapes),
        "",
        *_tabulate_classes(card),
        *_tabulate_columns(card),
        "",
        "## Faults",
        "",
        *([f"- {k.replace('_', ' ')}: {v}" for k, v in card["faults"].items()] or [_UNTOLD]),
        "",
        "## Sources",
        "",
    ]
    for key, value in card["sources"].items():
        shown = f"{len(value)} entries, see card.json" if isinstance(value, list | dict) else value
        lines.append(f"- {key}: {shown}")
    return "\n".join(lines) + "\n"


def _tabulate_classes(card: Mapping[str, Any]) -> list[str]:
    blocks = card["blocks"] is not None
    head = f"| class | name | samples | blocks of {card['block_size_m']:g} m |" if blocks else ""
    lines = [head, "|---|---|---|---|"] if blocks else ["| class | name | samples |", "|---|---|---|"]
    for entry in card["classes"]:
        tail = f" {entry['blocks']} |" if blocks else ""
        lines.append(f"| {entry['value']} | {entry['name']} | {entry['samples']} |{tail}")
    return lines


def _show(cell: Any) -> str:
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _tabulate_columns(card: Mapping[str, Any]) -> list[str]:
    if not card["columns"]:
        return []
    lines = ["", "| column | from | to | distinct |", "|---|---|---|---|"]
    for told in card["columns"]:
        cells = (told.get(key, "") for key in ("minimum", "maximum", "distinct"))
        lines.append(f"| {told['name']} | {' | '.join(map(_show, cells))} |")
    return lines
