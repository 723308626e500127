"""The models of a workspace: one folder each, written in one step, no pickle anywhere."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from eocene.learn.folder import FILES, ITEM, MODEL, REPORT, TENSORS, check_files, read_bytes, read_json
from eocene.learn.inference import Reach, free_size, measure_reach
from eocene.learn.mlm import Described, describe_model, read_signature
from eocene.learn.onnx_check import check_onnx, check_tensors
from eocene.learn.onnx_file import check_parity, export_onnx, open_session, signature_of
from eocene.learn.predict import Predictor
from eocene.learn.telling import write_about
from eocene.model import DamageError, InputError, NotFoundError
from eocene.model.files import make_folder, remove_folder, write_bytes, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.curate import Samples
    from eocene.learn.evaluate import Report
    from eocene.learn.train import TrainedModel
    from eocene.learn.validation import ValueReport
    from eocene.model import Layout

__all__ = ["FILES", "ITEM", "MODEL", "ModelRegistry"]
_ID = re.compile(r"^[a-z][a-z0-9-]{0,80}$")
_NAME = re.compile(r"^[a-z][a-z0-9-]{0,64}$")
_HASH = 12


class ModelRegistry:
    """Registers, lists, loads and deletes models under ``layout.models``.

    A layout that is an account's sees the models of the workspace and those that the account has saved.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.root = layout.models
        self.account = layout.account

    def register(
        self,
        model: TrainedModel,
        report: Report | ValueReport,
        samples: Samples,
        *,
        name: str | None = None,
    ) -> str:
        """Write a model and return its id; the same model again changes nothing.

        Parameters
        ----------
        model : TrainedModel
        report : Report
            Its scores on samples it had not seen.
        samples : Samples
            What it was trained on; the ONNX form is compared with the model on them.
        name : str, optional
            The readable part of the id; by default the kind of the model.

        Raises
        ------
        InputError
            If the report or the model belong to other samples, or ONNX differs by more than 1e-5.
        """
        if report.dataset != samples.id or model.feature_names != samples.feature_names:
            raise InputError(
                f"The report is about {report.dataset}, the samples are {samples.id}.",
                "Train, evaluate and register with the same samples.",
            )
        name = name or model.spec.kind.replace("_", "-")
        self.check_name(name)
        data, tensors = export_onnx(model), model.fitted.export_tensors()
        signature = signature_of(model, data)
        data = free_size(data, signature)
        check_onnx(data, signature, "the exported model")
        reach = measure_reach(open_session(data), signature, samples.features) if signature.dense else None
        described = Described(
            model_id=f"{name}-{self._hash(data, model, samples)}",
            spec=model.spec,
            signature=signature,
            reach=reach,
            difference=check_parity(model, data, samples.features),
            owner=self.account,
        )
        return self.write(described, samples, data, report, tensors)

    def write(
        self,
        described: Described,
        samples: Samples,
        data: bytes,
        report: Report | ValueReport,
        tensors: bytes | None = None,
    ) -> str:
        """Write the folder of a model in one step and return its id; one that is there stays as it is."""
        target = self.root / described.model_id
        if target.exists():
            self.load(described.model_id)
            return described.model_id
        item = describe_model(described, samples, data, tensors)
        with make_folder(target) as temporary:
            write_bytes(temporary / MODEL, data)
            if tensors is not None:
                write_bytes(temporary / TENSORS, tensors)
            write_json(temporary / REPORT, report.to_dict())
            write_json(temporary / ITEM, write_about(temporary, item, report))
        return described.model_id

    def list(self) -> list[dict[str, Any]]:
        """Return the STAC items of all models that may be seen, by id."""
        if not self.root.is_dir():
            return []
        names = sorted(p.name for p in self.root.iterdir() if p.is_dir() and _ID.match(p.name))
        items = [_read_item(self.root / name) for name in names]
        return [item for item in items if self._sees(item)]

    def item(self, model_id: str) -> dict[str, Any]:
        """Return the STAC item of a model.

        Raises
        ------
        NotFoundError
            If there is none of this id; names those there are.
        DamageError
            If the item cannot be read or is another model's.
        """
        return _read_item(self._folder(model_id))

    def stamp(self, model_id: str) -> int:
        """Return a number that is another one for another folder of the same id."""
        return (self._folder(model_id) / ITEM).stat().st_mtime_ns

    def resolve(self, name: str) -> str:
        """Return the id of a model by its id, or by the name that it was saved under: the latest one.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        if not (_ID.match(name) and (self.root / name).is_dir()) and _NAME.match(name):
            saved = [item for item in self.list() if item["id"][: -_HASH - 1] == name]
            if saved:
                newest = max(saved, key=lambda item: (item["properties"]["created"], item["id"]))
                return str(newest["id"])
        return self._folder(name).name

    def report(self, model_id: str) -> dict[str, Any]:
        """Return the scores of a model as they were measured at registration."""
        return read_json(self._folder(model_id) / REPORT)

    def load(self, model_id: str, *, threads: int = 2) -> Predictor:
        """Return the model, ready to answer.

        Raises
        ------
        NotFoundError
            If there is none of this id.
        DamageError
            If a file is missing, foreign, truncated, changed, too large, or refers to other files.
        UnavailableError
            If onnxruntime is not installed.
        """
        item = self.item(model_id)
        folder = self._folder(model_id)
        check_files(folder)
        data = self.read_onnx(model_id)
        if (folder / TENSORS).exists():
            check_tensors(read_bytes(folder / TENSORS, item), f"{TENSORS} of model {model_id}")
        try:
            signature = read_signature(item)
            told = item["properties"].get("eocene:reach")
            reach = None if told is None else Reach(told["stride"], told["halo"])
            graph = item["properties"].get("eocene:lineage", {}).get("graph")
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise DamageError(
                f"The item of model {model_id} lacks a field of the MLM extension: {error}.",
                "Delete it and register again.",
            ) from error
        name = f"Model {model_id}"
        return Predictor(data, signature, reach=reach, threads=threads, name=name, graph=graph)

    def read_onnx(self, model_id: str) -> bytes:
        """Return the ONNX form of a model, as its item tells its size and SHA-256; raises as ``load``."""
        folder = self._folder(model_id)
        check_files(folder)
        return read_bytes(folder / MODEL, self.item(model_id))

    def delete(self, model_id: str) -> None:
        """Remove a model, damaged or not.

        Raises
        ------
        NotFoundError
            If there is none of this id.
        """
        remove_folder(self._folder(model_id))

    def check_name(self, name: str) -> None:
        """Raise InputError if a name cannot be the readable part of a model's id."""
        if not isinstance(name, str) or not _NAME.match(name):
            raise InputError(
                f"{name!r} cannot be part of a model's id.",
                "Use lower-case letters, digits and hyphens, a letter first.",
                code="ProcessParameterInvalid",
            )

    def _hash(self, data: bytes, model: TrainedModel, samples: Samples) -> str:
        """Return 12 hex digits of the SHA-256 of a model, what it was made of and whose it is."""
        told = [model.spec.to_json(), model.feature_names, list(model.class_names.items()), samples.id]
        text = json.dumps([*told, *([self.account] if self.account is not None else [])])
        return hashlib.sha256(data + text.encode()).hexdigest()[:_HASH]

    def _sees(self, item: dict[str, Any]) -> bool:
        owner = item.get("properties", {}).get("eocene:owner")
        return owner is None or self.account is None or owner == self.account

    def _folder(self, model_id: str) -> Path:
        folder = self.root / model_id if _ID.match(model_id) else None
        there = folder is not None and folder.is_dir() and not folder.is_symlink()
        if folder is None or not there or (self.account is not None and not self._may_see(folder)):
            known = [str(item["id"]) for item in self.list()]
            raise NotFoundError(
                f"There is no model {model_id[:80]!r}.",
                f"Models are {', '.join(known[:8])}." if known else "Train and register one first.",
                code="ModelNotFound",
            )
        return folder

    def _may_see(self, folder: Path) -> bool:
        return self._sees(_read_item(folder))


def _read_item(folder: Path) -> dict[str, Any]:
    item = read_json(folder / ITEM)
    if item.get("id") != folder.name:
        raise DamageError(f"Model {folder.name} holds the item of another.", "Delete it and register again.")
    return item
