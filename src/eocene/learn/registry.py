"""The models of a workspace: one folder each, written in one step, no pickle anywhere."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from typing import TYPE_CHECKING, Any

from eocene.learn.card import write_model_card
from eocene.learn.mlm import describe_model
from eocene.learn.onnx_file import MAX_BYTES, check_parity, export_onnx
from eocene.learn.picture import draw_confusion
from eocene.learn.predict import Predictor
from eocene.model import DamageError, InputError, NotFoundError
from eocene.model.files import sync_folder, write_json, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.curate import Samples
    from eocene.learn.evaluate import Report
    from eocene.learn.train import TrainedModel
    from eocene.model import Layout

ITEM, MODEL, REPORT, CARD, PICTURE = "item.json", "model.onnx", "report.json", "card.md", "confusion.svg"
FILES = frozenset({ITEM, MODEL, REPORT, CARD, PICTURE})
_ID = re.compile(r"^[a-z][a-z0-9-]{0,80}$")
_MAX_ITEM_BYTES = 16 * 2**20


class ModelRegistry:
    """Registers, lists, loads and deletes models under ``layout.models``."""

    def __init__(self, layout: Layout) -> None:
        self.root = layout.models

    def register(
        self, model: TrainedModel, report: Report, samples: Samples, *, name: str | None = None
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
        data = export_onnx(model)
        difference = check_parity(model, data, samples.features)
        model_id = _name_model(name or model.spec.kind.replace("_", "-"), data, model, samples)
        target = self.root / model_id
        if target.exists():
            self.load(model_id)
            return model_id
        item = describe_model(model_id, model, samples, data, difference)
        self._write(target, item, data, report)
        return model_id

    def _write(self, target: Path, item: dict[str, Any], data: bytes, report: Report) -> None:
        temporary = self.root / f".{target.name}.{secrets.token_hex(4)}"
        temporary.mkdir(parents=True)
        try:
            (temporary / MODEL).write_bytes(data)
            write_json(temporary / ITEM, item)
            write_json(temporary / REPORT, report.to_dict())
            write_text(temporary / CARD, write_model_card(item, report))
            write_text(temporary / PICTURE, _draw(report))
            temporary.rename(target)
            sync_folder(self.root)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def list(self) -> list[dict[str, Any]]:
        """Return the STAC items of all models, by id."""
        if not self.root.is_dir():
            return []
        names = sorted(p.name for p in self.root.iterdir() if p.is_dir() and _ID.match(p.name))
        return [self.item(name) for name in names]

    def item(self, model_id: str) -> dict[str, Any]:
        """Return the STAC item of a model.

        Raises
        ------
        NotFoundError
            If there is none of this id; names those there are.
        DamageError
            If the item cannot be read or is another model's.
        """
        folder = self._folder(model_id)
        item = _read_json(folder / ITEM)
        if item.get("id") != model_id:
            raise DamageError(f"Model {model_id} holds the item of another.", "Delete it and register again.")
        return item

    def report(self, model_id: str) -> dict[str, Any]:
        """Return the scores of a model as they were measured at registration."""
        return _read_json(self._folder(model_id) / REPORT)

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
        _check_files(folder)
        data = (folder / MODEL).read_bytes()
        try:
            asset = item["assets"]["model"]
            checksum, size = str(asset["file:checksum"]), int(asset["file:size"])
            names = [str(name) for name in item["properties"]["mlm:input"][0]["bands"]]
            output = item["properties"]["mlm:output"][0]
            classes = {int(c["value"]): str(c["title"]) for c in output["classification:classes"]}
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise DamageError(
                f"The item of model {model_id} lacks a field of the MLM extension: {error}.",
                "Delete it and register again.",
            ) from error
        if len(data) != size or checksum != "1220" + hashlib.sha256(data).hexdigest():
            raise DamageError(
                f"The file {MODEL} of model {model_id} is truncated or was changed.",
                "Delete the model and register it again.",
            )
        return Predictor(data, names, classes, threads=threads, name=f"Model {model_id}")

    def delete(self, model_id: str) -> None:
        """Remove a model, damaged or not.

        Raises
        ------
        NotFoundError
            If there is none of this id.
        """
        folder = self._folder(model_id)
        doomed = self.root / f".{model_id}.{secrets.token_hex(4)}"
        folder.rename(doomed)  # from here on no reader finds half of it
        shutil.rmtree(doomed)

    def _folder(self, model_id: str) -> Path:
        folder = self.root / model_id if _ID.match(model_id) else None
        if folder is None or not folder.is_dir() or folder.is_symlink():
            known = sorted(p.name for p in self.root.glob("[a-z]*")) if self.root.is_dir() else []
            raise NotFoundError(
                f"There is no model {model_id!r}.",
                f"Models are {', '.join(known[:8])}." if known else "Train and register one first.",
                code="ModelNotFound",
            )
        return folder


def _check_files(folder: Path) -> None:
    found = {p.name for p in folder.iterdir()}
    if found != FILES:
        foreign, missing = sorted(found - FILES), sorted(FILES - found)
        what = f"holds {', '.join(foreign)}, which no model has" if foreign else f"lacks {', '.join(missing)}"
        raise DamageError(f"The folder of model {folder.name} {what}.", "Delete it and register again.")
    for path in folder.iterdir():
        if path.is_symlink() or not path.is_file():
            raise DamageError(f"{path.name} of model {folder.name} is no plain file.", "Delete the model.")
    if (folder / MODEL).stat().st_size > MAX_BYTES:
        raise DamageError(
            f"The file {MODEL} of model {folder.name} is larger than {MAX_BYTES} bytes.",
            "Train a smaller model: fewer trees, or larger leaves.",
        )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.is_symlink() or path.stat().st_size > _MAX_ITEM_BYTES:
            raise ValueError("it is a link or too large")
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, dict):
            raise TypeError("it is no JSON object")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DamageError(
            f"{path.name} of model {path.parent.name} cannot be read: {error}.",
            "Delete the model and register it again.",
        ) from error
    return value


def _name_model(name: str, data: bytes, model: TrainedModel, samples: Samples) -> str:
    """Return the name and 12 hex digits of the SHA-256 of the model and what it was made of."""
    told = json.dumps(
        [model.spec.to_json(), model.feature_names, list(model.class_names.items()), samples.id]
    )
    digest = hashlib.sha256(data + told.encode()).hexdigest()[:12]
    model_id = f"{name}-{digest}"
    if not _ID.match(model_id):
        raise InputError(
            f"{name!r} cannot be part of a model's id.", "Use lower-case letters, digits and hyphens."
        )
    return model_id


def _draw(report: Report) -> str:
    split = "block" if "block" in report.splits else next(iter(report.splits), None)
    names = [report.class_names[v] for v in report.classes]
    if split is None:
        return draw_confusion([[0] * len(names) for _ in names], names, "not evaluated")
    return draw_confusion(report.splits[split].confusion, names, f"{split} split")
