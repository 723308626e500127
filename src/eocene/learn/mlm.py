"""The STAC item of a model, with the fields of the Machine Learning Model extension."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from eocene._version import __version__
from eocene.model import transform_bbox

if TYPE_CHECKING:
    from eocene.curate import Samples
    from eocene.learn.train import TrainedModel

MLM = "https://stac-extensions.github.io/mlm/v1.4.0/schema.json"
_FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
_CLASSES = "https://stac-extensions.github.io/classification/v2.0.0/schema.json"
_PACKAGES = ("onnx", "onnxruntime", "numpy")


def describe_model(
    model_id: str, model: TrainedModel, samples: Samples, data: bytes, difference: float
) -> dict[str, Any]:
    """Return the STAC 1.1 item of a registered model.

    Source: STAC MLM extension 1.4.0, https://github.com/stac-extensions/mlm.

    Parameters
    ----------
    model_id : str
    model : TrainedModel
    samples : Samples
        What it was trained on; gives place and lineage.
    data : bytes
        The ONNX file; its length and SHA-256 go into the item.
    difference : float
        Largest difference of probability between ONNX and the trained pipeline.
    """
    west, south, east, north = _bounds(samples)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    kind, targets = model.spec.kind.replace("_", " ").capitalize(), ", ".join(model.class_names.values())
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [MLM, _FILE, _CLASSES],
        "id": model_id,
        "bbox": [west, south, east, north],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "datetime": now,
            "created": now,
            "title": f"{kind} for {targets}",
            **_mlm_fields(model_id, model),
            "eocene:onnx_difference": difference,
            "eocene:lineage": _lineage(samples, model.spec.described.package),
        },
        "links": [],
        "assets": _assets(data),
    }


def _mlm_fields(model_id: str, model: TrainedModel) -> dict[str, Any]:
    structure = {"dim_order": ["batch", "channel"], "data_type": "float32"}
    kind = model.spec.described
    settings = {"kind": kind.name, "seed": model.spec.seed, **model.spec.settings}
    return {
        "mlm:name": model_id,
        "mlm:architecture": kind.title,
        "mlm:framework": kind.package,
        "mlm:framework_version": version(kind.package),
        "mlm:tasks": ["classification"],
        "mlm:pretrained": False,
        "mlm:pretrained_source": None,
        "mlm:accelerator": "amd64",
        "mlm:accelerator_constrained": False,
        "mlm:hyperparameters": {k: v for k, v in settings.items() if v is not None},
        "mlm:input": [
            {
                "name": "features",
                "bands": list(model.feature_names),
                "input": {"shape": [-1, len(model.feature_names)], **structure},
                "description": "Labels of the dimensions joined by a slash; NaN is a missing value.",
            }
        ],
        "mlm:output": [
            {
                "name": "probabilities",
                "tasks": ["classification"],
                "result": {
                    "shape": [-1, len(model.classes)],
                    "dim_order": ["batch", "class"],
                    "data_type": "float32",
                },
                "classification:classes": [
                    {"value": v, "name": _identifier(model.class_names[v], v), "title": model.class_names[v]}
                    for v in model.classes
                ],
            }
        ],
        # MLM asks that bands named by an input are described in the item.
        "bands": [{"name": name} for name in model.feature_names],
    }


def _lineage(samples: Samples, package: str) -> dict[str, Any]:
    packages = {name: version(name) for name in (package, *_PACKAGES)}
    return {
        "dataset": samples.id,
        "items": samples.sources.get("items", []),
        "graph": samples.sources.get("graph"),
        "sources": {k: v for k, v in samples.sources.items() if k not in ("items", "graph")},
        "software": {"eocene": __version__, **packages},
    }


def _assets(data: bytes) -> dict[str, Any]:
    return {
        "model": {
            "href": "./model.onnx",
            "type": "application/octet-stream; application=onnx",
            "title": "The model, ONNX",
            "roles": ["mlm:model", "data"],
            "mlm:artifact_type": "onnx",
            "file:size": len(data),
            # A multihash: 0x12 is SHA-256, 0x20 its length.
            "file:checksum": "1220" + hashlib.sha256(data).hexdigest(),
        },
        "report": {"href": "./report.json", "type": "application/json", "roles": ["metadata"]},
        "card": {"href": "./card.md", "type": "text/markdown", "roles": ["metadata"]},
        "confusion": {"href": "./confusion.svg", "type": "image/svg+xml", "roles": ["overview"]},
    }


def _bounds(samples: Samples) -> tuple[float, float, float, float]:
    box = (samples.x.min(), samples.y.min(), samples.x.max(), samples.y.max())
    west, south, east, north = transform_bbox(tuple(float(v) for v in box), samples.epsg, 4326)  # type: ignore[arg-type]
    return float(west), float(south), float(east), float(north)


def _identifier(name: str, value: int) -> str:
    """The name as the classification extension wants it: letters, digits, - and _."""
    cleaned = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in name)
    return cleaned.strip("_") or f"class_{value}"
