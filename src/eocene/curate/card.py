"""The card of a data set: what is in it, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.splits.ground import locate_blocks
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.curate.samples import Samples

BLOCK_SIZE_M = 160.0


def describe_samples(samples: Samples, block_size_m: float = BLOCK_SIZE_M) -> dict[str, Any]:
    """Return counts, blocks, missing values, faults and sources of the samples, as JSON."""
    try:
        _, which = np.unique(locate_blocks(samples, block_size_m), axis=0, return_inverse=True)
        which = which.reshape(-1)
    except InputError:
        which = None  # no metres, no blocks
    classes = []
    for value, count in samples.counts.items():
        entry: dict[str, Any] = {"value": value, "name": samples.class_names[value], "samples": count}
        if which is not None:
            entry["blocks"] = len(np.unique(which[samples.labels == value]))
        classes.append(entry)
    extent = [samples.x.min(), samples.y.min(), samples.x.max(), samples.y.max()] if len(samples) else []
    return {
        "id": samples.id,
        "samples": len(samples),
        "features": len(samples.feature_names),
        "epsg": samples.epsg,
        "extent": [float(v) for v in extent],
        "block_size_m": block_size_m if which is not None else None,
        "blocks": len(np.unique(which)) if which is not None else None,
        "classes": classes,
        "missing_share": round(float(np.isnan(samples.features).mean()), 6) if len(samples) else 0.0,
        "faults": dict(samples.faults),
        "sources": dict(samples.sources),
    }


def write_card(card: Mapping[str, Any]) -> str:
    """Return the card as Markdown."""
    lines = [
        f"# Data set {card['id']}",
        "",
        f"{card['samples']} samples with {card['features']} features in EPSG:{card['epsg']}; "
        f"{100 * card['missing_share']:.1f} % of the values are missing.",
        "",
    ]
    blocks = card["blocks"] is not None
    head = f"| class | name | samples | blocks of {card['block_size_m']:g} m |" if blocks else ""
    lines += [head, "|---|---|---|---|"] if blocks else ["| class | name | samples |", "|---|---|---|"]
    for entry in card["classes"]:
        tail = f" {entry['blocks']} |" if blocks else ""
        lines.append(f"| {entry['value']} | {entry['name']} | {entry['samples']} |{tail}")
    lines += ["", "## Faults", ""]
    lines += [f"- {k.replace('_', ' ')}: {v}" for k, v in card["faults"].items()] or ["None were found."]
    lines += ["", "## Sources", ""]
    for key, value in card["sources"].items():
        shown = f"{len(value)} entries, see samples.json" if isinstance(value, list | dict) else value
        lines.append(f"- {key}: {shown}")
    return "\n".join(lines) + "\n"
