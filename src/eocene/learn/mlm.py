"""The STAC item of a model, with the fields of the Machine Learning Model extension.

Source: STAC MLM extension 1.4.0, https://github.com/stac-extensions/mlm.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene._version import __version__
from eocene.learn.folder import CARD, MODEL, PICTURE, REPORT, TENSORS
from eocene.learn.signature import INPUT, Signature
from eocene.model import transform_bbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.curate import Samples
    from eocene.learn.inference import Reach
    from eocene.learn.spec import ModelSpec

MLM = "https://stac-extensions.github.io/mlm/v1.4.0/schema.json"
_FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
_CLASSES = "https://stac-extensions.github.io/classification/v2.0.0/schema.json"
_PACKAGES = ("onnx", "onnxruntime", "numpy")
_DIMS = {"t": "time", "bands": "bands", "y": "height", "x": "width"}
_FRAMEWORKS = {"torch": "PyTorch", "onnxruntime": "ONNX"}
"""Packages that the extension knows by another name."""


@dataclass(frozen=True)
class Described:
    """What an item tells of a model beside its files and samples.

    Parameters
    ----------
    model_id : str
    spec : ModelSpec
    signature : Signature
    reach : Reach or None
        Of a model that answers for each pixel of a chip.
    difference : float
        Largest difference of an answer between ONNX and the trained model.
    owner : str or None
        The account that saved it; None for all of the workspace.
    more : mapping
        Further properties.
    """

    model_id: str
    spec: ModelSpec
    signature: Signature
    reach: Reach | None = None
    difference: float = 0.0
    owner: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


def describe_model(
    told: Described, samples: Samples, data: bytes, tensors: bytes | None = None
) -> dict[str, Any]:
    """Return the STAC 1.1 item of a registered model.

    Parameters
    ----------
    told : Described
    samples : Samples
        What it was trained on; gives place and lineage.
    data : bytes
        The ONNX file; its length and SHA-256 go into the item.
    tensors : bytes, optional
        The weights as safetensors.
    """
    west, south, east, north = _bounds(samples)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    kind = told.spec.described
    targets = ", ".join(told.signature.classes.values()) or str(samples.sources.get("label", "a value"))
    targets = f"shares of {targets}" if told.spec.of_fractions else targets
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    properties = {
        "datetime": now,
        "created": now,
        "title": f"{kind.title} for {targets}",
        **_mlm_fields(told),
        "eocene:onnx_difference": told.difference,
        "eocene:lineage": _lineage(samples, kind.package),
        **told.more,
    }
    if told.reach is not None:
        properties["eocene:reach"] = {"stride": told.reach.stride, "halo": told.reach.halo}
    if told.owner is not None:
        properties["eocene:owner"] = told.owner
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [MLM, _FILE, _CLASSES],
        "id": told.model_id,
        "bbox": [west, south, east, north],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": properties,
        "links": [],
        "assets": _assets(data, tensors),
    }


def read_signature(item: Mapping[str, Any]) -> Signature:
    """Return what a model takes and gives, of its item.

    Raises
    ------
    KeyError, IndexError, TypeError, ValueError
        If the item lacks what the extension asks for.
    """
    properties = item["properties"]
    given, made = properties["mlm:input"][0], properties["mlm:output"][0]
    axes = properties.get("eocene:axes") or {"features": given["bands"]}
    listed = made.get("classification:classes", [])
    classes = {int(c["value"]): str(c["title"]) for c in listed}
    if made["tasks"] != ["regression"] and not classes:
        raise KeyError("classification:classes")
    return Signature(
        {str(dim): tuple(str(v) for v in labels) for dim, labels in axes.items()},
        classes,
        dense="segmentation" in " ".join(made["tasks"]),
    )


def describe_input(signature: Signature) -> dict[str, Any]:
    """Return the Model Input Object of a model; of pixels each number of a sample is a band."""
    bands = signature.feature_names if signature.of_pixels else signature.axes.get("bands", ())
    dims = ["bands"] if signature.of_pixels else [_DIMS[d] for d in signature.axes]
    return {
        "name": INPUT,
        "bands": list(bands),
        "input": {"shape": [-1, *signature.sample], "dim_order": ["batch", *dims], "data_type": "float32"},
        "description": "Labels of the dimensions joined by a slash; NaN is a missing value.",
    }


def _mlm_fields(told: Described) -> dict[str, Any]:
    kind, signature = told.spec.described, told.signature
    settings = {"kind": kind.name, "seed": told.spec.seed, **told.spec.settings}
    settings |= {"target": told.spec.target} if told.spec.of_fractions else {}
    tasks = [_task_of(told)]
    begun = None if settings.get("method") == "random" else settings.get("encoder")
    taken = describe_input(signature)
    shown = {
        "mlm:name": told.model_id,
        "mlm:architecture": kind.title,
        "mlm:framework": _FRAMEWORKS.get(kind.package, kind.package),
        "mlm:framework_version": version(kind.package),
        "mlm:tasks": tasks,
        "mlm:pretrained": begun is not None,
        "mlm:pretrained_source": begun,
        "mlm:accelerator": "amd64",
        "mlm:accelerator_constrained": False,
        "mlm:hyperparameters": {k: v for k, v in settings.items() if v is not None},
        "mlm:input": [taken],
        "mlm:output": [_output(told, tasks)],
        # MLM asks that bands named by an input are described in the item.
        "bands": [{"name": name} for name in taken["bands"]],
    }
    if tuple(signature.axes) != ("features",):
        shown["eocene:axes"] = {dim: list(labels) for dim, labels in signature.axes.items()}
    return shown


def _task_of(told: Described) -> str:
    """Return what a model is for; one of shares gives numbers, of which each is that of a class."""
    if told.signature.is_regression or told.spec.of_fractions:
        return "regression"
    return "semantic-segmentation" if told.signature.dense else "classification"


def _output(told: Described, tasks: list[str]) -> dict[str, Any]:
    signature = told.signature
    places = list(signature.chip or ()) if signature.dense else []
    places_named = ["height", "width"][: len(places)]
    made: dict[str, Any] = {
        "name": signature.output,
        "tasks": tasks,
        "result": {
            "shape": [-1, signature.width, *places],
            "dim_order": ["batch", "class" if signature.classes else "channel", *places_named],
            "data_type": "float32",
        },
    }  # fmt: skip
    if told.spec.of_fractions:
        made["description"] = "The share that each class has of the area of a sample; they add up to 1."
    if signature.classes:
        made["classification:classes"] = [
            {"value": value, "name": _identifier(name, value), "title": name}
            for value, name in signature.classes.items()
        ]
    return made


def _lineage(samples: Samples, package: str) -> dict[str, Any]:
    packages = {name: version(name) for name in (package, *_PACKAGES)}
    items = samples.sources.get("items") or np.unique(samples.columns.get("item", np.empty(0))).tolist()
    return {
        "dataset": samples.id,
        "items": items,
        "graph": samples.sources.get("graph"),
        "sources": {k: v for k, v in samples.sources.items() if k not in ("items", "graph")},
        "software": {"eocene": __version__, **packages},
    }


def _assets(data: bytes, tensors: bytes | None) -> dict[str, Any]:
    assets: dict[str, Any] = {
        "model": {
            "href": f"./{MODEL}",
            "type": "application/octet-stream; application=onnx",
            "title": "The model, ONNX",
            "roles": ["mlm:model", "data"],
            "mlm:artifact_type": "onnx",
            **_told(data),
        },
        "report": {"href": f"./{REPORT}", "type": "application/json", "roles": ["metadata"]},
        "card": {"href": f"./{CARD}", "type": "text/markdown", "roles": ["metadata"]},
        "confusion": {"href": f"./{PICTURE}", "type": "image/svg+xml", "roles": ["overview"]},
    }
    if tensors is not None:
        assets["weights"] = {
            "href": f"./{TENSORS}",
            "type": "application/octet-stream; application=safetensors",
            "title": "The weights alone, safetensors",
            "roles": ["mlm:weights", "data"],
            **_told(tensors),
        }
    return assets


def _told(data: bytes) -> dict[str, Any]:
    # A multihash: 0x12 is SHA-256, 0x20 its length.
    return {"file:size": len(data), "file:checksum": "1220" + hashlib.sha256(data).hexdigest()}


def _bounds(samples: Samples) -> tuple[float, float, float, float]:
    box = (samples.x.min(), samples.y.min(), samples.x.max(), samples.y.max())
    west, south, east, north = transform_bbox(tuple(float(v) for v in box), samples.epsg, 4326)  # type: ignore[arg-type]
    return float(west), float(south), float(east), float(north)


def _identifier(name: str, value: int) -> str:
    """The name as the classification extension wants it: letters, digits, - and _."""
    cleaned = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in name)
    return cleaned.strip("_") or f"class_{value}"
