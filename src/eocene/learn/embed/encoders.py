"""The encoders of a workspace: one folder each, ONNX and JSON, and weights as safetensors where known."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene._version import __version__
from eocene.learn.embed.encoder import VECTORS, Encoder, VectorSignature
from eocene.learn.folder import read_bytes, read_json
from eocene.learn.mlm import MLM, describe_input
from eocene.learn.onnx_check import check_tensors
from eocene.learn.onnx_file import runtime_errors
from eocene.model import DamageError, InputError, NotFoundError
from eocene.model.files import make_folder, write_bytes, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ITEM, MODEL, TENSORS = "item.json", "encoder.onnx", "encoder.safetensors"
_FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
_ID = re.compile(r"[a-z][a-z0-9-]{0,80}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_WORLD = (-180.0, -90.0, 180.0, 90.0)


class EncoderStore:
    """Writes, lists and loads encoders in a folder.

    Parameters
    ----------
    root : Path
        A folder of a workspace; made when first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(
        self,
        name: str,
        data: bytes,
        signature: VectorSignature,
        *,
        tensors: bytes | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> str:
        """Write an encoder in one step and return its id, ``name`` and 12 hex digits of its content.

        Parameters
        ----------
        name : str
            Lower-case letters, digits and hyphens.
        data : bytes
            ONNX, as of ``adapt_onnx``; checked as every model is.
        signature : VectorSignature
        tensors : bytes, optional
            The weights as safetensors, from which it can be tuned.
        about : mapping, optional
            Further properties of its STAC item: architecture, settings, where it was taught.

        Raises
        ------
        DamageError
            If the bytes are not a self-contained encoder of this form.
        InputError
            If it does not answer for several samples at once.
        """
        if not _NAME.fullmatch(name):
            raise InputError(f"{name!r} cannot be part of an id.", "Use lower-case letters, digits, hyphens.")
        _try_out(Encoder(data, signature, threads=1, name="the encoder"))
        if tensors is not None:
            check_tensors(tensors, "the encoder")
        told = json.dumps([list(signature.axes.items()), signature.length], sort_keys=True).encode()
        encoder_id = f"{name}-{hashlib.sha256(data + (tensors or b'') + told).hexdigest()[:12]}"
        target = self.root / encoder_id
        if target.exists():
            self.load(encoder_id)
            return encoder_id
        with make_folder(target) as temporary:
            files = {MODEL: data} | ({TENSORS: tensors} if tensors is not None else {})
            for file, content in files.items():
                write_bytes(temporary / file, content)
            write_json(temporary / ITEM, _describe(encoder_id, signature, files, about or {}))
        return encoder_id

    def ids(self) -> list[str]:
        """Return the ids of all encoders."""
        there = self.root.iterdir() if self.root.is_dir() else ()
        return sorted(p.name for p in there if _ID.fullmatch(p.name) and p.is_dir() and not p.is_symlink())

    def item(self, encoder_id: str) -> dict[str, Any]:
        """Return the STAC item of an encoder.

        Raises
        ------
        NotFoundError
            If there is none of this id; names those there are.
        """
        known = self.ids()
        if encoder_id not in known:
            raise NotFoundError(
                f"There is no encoder {encoder_id!r}.",
                f"There are {', '.join(known[:8])}." if known else "Make one with: eocene pretrain.",
                code="ModelNotFound",
            )
        return read_json(self.root / encoder_id / ITEM)

    def load(self, encoder_id: str, *, threads: int = 1) -> Encoder:
        """Return an encoder, ready to answer.

        Raises
        ------
        NotFoundError
            If there is none of this id.
        DamageError
            If a file is missing or not the one that was written.
        """
        item = self.item(encoder_id)
        signature = read_vector_signature(item)
        return Encoder(self._read(encoder_id, MODEL, item), signature, threads=threads, name=encoder_id)

    def tensors(self, encoder_id: str) -> bytes:
        """Return the weights of an encoder as safetensors.

        Raises
        ------
        NotFoundError
            If there is no such encoder, or it came as ONNX alone.
        """
        item = self.item(encoder_id)
        if "tensors" not in item.get("assets", {}):
            raise NotFoundError(
                f"The encoder {encoder_id} came without weights.", "Use it as it is, or pretrain one."
            )
        data = self._read(encoder_id, TENSORS, item)
        check_tensors(data, encoder_id)
        return data

    def _read(self, encoder_id: str, name: str, item: dict[str, Any]) -> bytes:
        path = self.root / encoder_id / name
        if path.is_symlink() or not path.is_file():
            raise DamageError(f"{name} of encoder {encoder_id} is missing or a link.", "Write it again.")
        return read_bytes(path, item)


def _try_out(encoder: Encoder) -> None:
    """Refuse an encoder that takes one sample only, as many are exported."""
    made, length = {}, encoder.signature.length
    for count in (1, 3):
        try:
            made[count] = encoder.run(np.zeros(encoder.signature.input_shape(count), np.float32)).shape
        except runtime_errors() as error:
            raise InputError(
                f"The encoder fails on {count} samples: {str(error)[:200]}.",
                "Export it with the number of samples left free.",
            ) from error
    if any(shape != (count, length) for count, shape in made.items()):
        raise InputError(
            f"The encoder gives {made[3]} for 3 samples, not 3 × {length}.",
            "Export it with the number of samples left free.",
        )


def read_vector_signature(item: Mapping[str, Any]) -> VectorSignature:
    """Return what an encoder takes and gives, as its item tells."""
    try:
        properties = item["properties"]
        axes = {str(dim): tuple(map(str, labels)) for dim, labels in properties["eocene:axes"].items()}
        return VectorSignature(axes, length=int(properties["mlm:output"][0]["result"]["shape"][1]))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DamageError(
            f"The item of encoder {item.get('id')} lacks a field: {error}.", "Write the encoder again."
        ) from error


def _describe(
    encoder_id: str, signature: VectorSignature, files: Mapping[str, bytes], about: Mapping[str, Any]
) -> dict[str, Any]:
    west, south, east, north = _WORLD
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    taken = describe_input(signature)
    given = {"shape": [-1, signature.length], "dim_order": ["batch", "embedding"], "data_type": "float32"}
    properties = {
        "datetime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "mlm:name": encoder_id,
        "mlm:architecture": "Encoder",
        "mlm:tasks": ["similarity-search"],
        "mlm:pretrained": True,
        "mlm:input": [taken],
        "mlm:output": [{"name": VECTORS, "tasks": ["similarity-search"], "result": given}],
        "eocene:axes": {dim: list(labels) for dim, labels in signature.axes.items()},
        "eocene:software": __version__,
    }
    kinds = {MODEL: "application/octet-stream; application=onnx", TENSORS: "application/octet-stream"}
    assets = {
        "model" if name == MODEL else "tensors": {
            "href": f"./{name}",
            "type": kinds[name],
            "roles": ["mlm:model", "data"] if name == MODEL else ["mlm:weights", "data"],
            **({"mlm:artifact_type": "onnx"} if name == MODEL else {}),
            "file:size": len(content),
            "file:checksum": "1220" + hashlib.sha256(content).hexdigest(),
        }
        for name, content in files.items()
    }
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [MLM, _FILE],
        "id": encoder_id,
        "bbox": list(_WORLD),
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            **properties,
            **about,
            "bands": [{"name": name} for name in taken["bands"]],
        },
        "links": [],
        "assets": assets,
    }
