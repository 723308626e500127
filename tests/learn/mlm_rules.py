"""What the MLM extension asks of an item, written after its text and not after our code.

Source: STAC Machine Learning Model extension, README "Item Properties", "Model Input Object", "Model Output
Object", "Assets Objects", and the rules that its JSON Schema 1.5.0 adds to them,
https://github.com/stac-extensions/mlm. The schema itself refers to three others on the network.
"""

from __future__ import annotations

import re
from typing import Any

REQUIRED = {
    "mlm:name": str,
    "mlm:architecture": str,
    "mlm:tasks": list,
    "mlm:input": list,
    "mlm:output": list,
}
OPTIONAL = {
    "mlm:framework": str, "mlm:framework_version": str, "mlm:memory_size": int, "mlm:total_parameters": int,
    "mlm:pretrained": bool, "mlm:pretrained_source": (str, type(None)), "mlm:batch_size_suggestion": int,
    "mlm:accelerator": (str, type(None)), "mlm:accelerator_constrained": bool, "mlm:accelerator_summary": str,
    "mlm:accelerator_count": int, "mlm:hyperparameters": dict,
}  # fmt: skip
TASKS = {
    "regression", "classification", "scene-classification", "detection", "object-detection", "segmentation",
    "semantic-segmentation", "instance-segmentation", "panoptic-segmentation", "similarity-search",
    "generative", "image-captioning", "super-resolution", "downscaling",
}  # fmt: skip
ACCELERATORS = {"amd64", "cuda", "xla", "amd-rocm", "intel-ipex-cpu", "intel-ipex-gpu", "macos-arm", None}
NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_.\-\s]+[a-zA-Z0-9]")
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)([-+][0-9A-Za-z.+-]+)?")
DATA_TYPES = {"float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"}


def find_breaches(item: dict[str, Any]) -> list[str]:
    """Return every rule of the extension that an item breaks."""
    found = [*_check_fields(item["properties"]), *_check_assets(item.get("assets", {}))]
    properties = item["properties"]
    if not any(re.search(r"/mlm/v1\.\d+\.\d+/schema\.json$", url) for url in item["stac_extensions"]):
        found.append("stac_extensions does not name the extension")
    for one in properties.get("mlm:input", []):
        found += _check_tensor(one, "input")
        described = [band.get("name") for band in properties.get("bands", [])]
        if any(band not in described for band in one.get("bands", [])):
            found.append("a band of an input is not described by the item")
    for one in properties.get("mlm:output", []):
        found += _check_tensor(one, "result") + _check_tasks(one.get("tasks"))
        for entry in one.get("classification:classes", []):
            if not isinstance(entry.get("value"), int) or not re.fullmatch(r"[\w-]+", entry.get("name", "")):
                found.append(f"a class is {entry}")
    return found


def _check_fields(properties: dict[str, Any]) -> list[str]:
    found = [f"{name} is missing" for name in REQUIRED if name not in properties]
    known = REQUIRED | OPTIONAL
    for name, value in properties.items():
        if name.startswith("mlm:") and not isinstance(value, known.get(name, ())):
            found.append(f"{name} is unknown, not an item's, or of another type")
    if not NAME.fullmatch(properties.get("mlm:name", "")):
        found.append("mlm:name")
    if not VERSION.fullmatch(properties.get("mlm:framework_version", "1.0.0")):
        found.append("mlm:framework_version is no semantic version")
    if properties.get("mlm:accelerator") not in ACCELERATORS:
        found.append("mlm:accelerator")
    if properties.get("mlm:pretrained") is False and properties.get("mlm:pretrained_source", "") is not None:
        found.append("a model that is not pretrained has null as its source")
    settings = properties.get("mlm:hyperparameters", {"any": 1})
    if not settings or not all(re.fullmatch(r"[0-9a-zA-Z_.-]+", name) for name in settings):
        found.append("mlm:hyperparameters")
    return found + _check_tasks(properties.get("mlm:tasks"))


def _check_tasks(tasks: Any) -> list[str]:
    fits = isinstance(tasks, list) and len(set(tasks)) == len(tasks) and set(tasks) <= TASKS
    return [] if fits else [f"tasks are {tasks}"]


def _check_tensor(one: dict[str, Any], key: str) -> list[str]:
    structure, bands = one.get(key, {}), one.get("bands", [])
    shape, order = structure.get("shape", []), structure.get("dim_order", [])
    rules = {
        "name": isinstance(one.get("name"), str) and one["name"] != "",
        "shape": bool(shape) and all(type(n) is int and n >= -1 for n in shape),
        "dim_order": bool(order) and len(set(order)) == len(order)
        and all(re.fullmatch(r"[a-z_-]+", name) for name in order),
        "shape and dim_order of equal length": len(shape) == len(order),
        "data_type": structure.get("data_type") in DATA_TYPES,
        "the dimension bands exactly where bands are named": ("bands" in order) == bool(bands),
    }  # fmt: skip
    return [f"{key}: {rule}" for rule, holds in rules.items() if not holds]


def _check_assets(assets: dict[str, Any]) -> list[str]:
    models = [name for name, asset in assets.items() if "mlm:model" in asset.get("roles", [])]
    typed = [name for name, asset in assets.items() if "mlm:artifact_type" in asset]
    found = [] if models else ["no asset has the role mlm:model"]
    if sorted(models) != sorted(typed):
        found.append("mlm:artifact_type belongs to the assets with the role mlm:model, and to no others")
    for asset in assets.values():
        found += [f"{name} in an asset" for name in asset
                  if name in ("mlm:name", "mlm:input", "mlm:output", "mlm:hyperparameters")]  # fmt: skip
    return found
