"""What the official suite sends: it keeps these files out of its package, so they are written here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

COLLECTION = "SENTINEL2_L2A_SAMPLE"
BOX = {"west": 11.345, "south": 46.475, "east": 11.35, "north": 46.48}


def _load_and_save(form: str) -> dict[str, Any]:
    extent = {"id": COLLECTION, "spatial_extent": BOX, "temporal_extent": ["2022-06-01", "2022-06-08"]}
    return {
        "load": {"process_id": "load_collection", "arguments": {**extent, "bands": ["B04"]}},
        "save": {
            "process_id": "save_result",
            "arguments": {"data": {"from_node": "load"}, "format": form},
            "result": True,
        },
    }


_EVI = {
    "summary": "Enhanced vegetation index",
    "parameters": [
        {"name": name, "description": f"Reflectance, {name}.", "schema": {"type": "number"}}
        for name in ("red", "nir")
    ],
    "returns": {"schema": {"type": "number"}},
    "process_graph": {
        "sub": {
            "process_id": "subtract",
            "arguments": {"x": {"from_parameter": "nir"}, "y": {"from_parameter": "red"}},
        },
        "scale": {
            "process_id": "multiply",
            "arguments": {"x": {"from_node": "sub"}, "y": 2.5},
            "result": True,
        },
    },
}
_PROCESS = {"process_graph": _load_and_save("netCDF")}
PAYLOADS: dict[str, dict[str, Any]] = {
    "put_process_graphs": _EVI,
    "post_jobs": {"title": "test", "description": None, "budget": None, "process": _PROCESS},
    "patch_jobs": {"title": "other", "description": "changed", "process": _PROCESS},
    "post_validation": _PROCESS,
    "empty_payload": {},
}


"""There is none for POST /result: the suite expects status 201, and the specification has 200 alone."""


def write_payloads(folder: Path) -> None:
    """Write one file of each kind below the folder."""
    for name, payload in PAYLOADS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / f"{name}.json").write_text(json.dumps(payload))
