"""How models travel through a graph: as a loaded one, or as one that is trained when it is first asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from eocene.cube.block import Block
from eocene.learn.onnx_file import check_parity, export_onnx, signature_of
from eocene.learn.predict import Predictor
from eocene.model import InputError
from eocene.process.schema import CubeSchema

if TYPE_CHECKING:
    from eocene.curate import Samples
    from eocene.learn.signature import Signature
    from eocene.learn.spec import ModelSpec
    from eocene.learn.train import TrainedModel

MODEL = {"type": "object", "subtype": "ml-model"}
Model = Annotated[Any, MODEL]


@dataclass(frozen=True)
class Untrained:
    """What an initialiser gives: a spec, and whether classes or values are to be learnt.

    ``seeded`` tells whether a seed was asked for.
    """

    spec: ModelSpec
    seeded: bool = True

    def describe(self) -> dict[str, Any]:
        """Return it as JSON, as who asks for it as a result sees it."""
        return {"state": "untrained", "task": self.spec.described.task, **self.spec.to_dict()}


@dataclass(eq=False)
class Training:
    """A model that is trained when it is first asked for, once, whoever asks: threads wait for each other.

    Parameters
    ----------
    signature : Signature
        What it will take and give.
    spec : ModelSpec
    samples : Samples, optional
        What it learns from; None while a plan is made.
    folds : int
        Random folds that it is scored on for its report, 0 for none.
    scoring : tuple of str
        What of the scores is told.
    """

    signature: Signature
    spec: ModelSpec
    samples: Samples | None = None
    folds: int = 0
    scoring: tuple[str, ...] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _model: TrainedModel | None = None
    _predictor: Predictor | None = None
    _report: Any = None

    @property
    def known_samples(self) -> Samples:
        """What it learns from.

        Raises
        ------
        InputError
            While a plan is made.
        """
        if self.samples is None:
            raise InputError(
                "The model is trained when the graph runs, and is asked before.",
                "Save it with save_ml_model in a batch job, and load it in another graph.",
                code="ProcessParameterInvalid",
            )
        return self.samples

    @property
    def model(self) -> TrainedModel:
        """The trained model."""
        with self._lock:
            if self._model is None:
                from eocene.learn.train import train

                self._model = train(self.known_samples, self.spec)
            return self._model

    @property
    def report(self) -> Any:
        """Its scores on random folds; without folds a report that has none."""
        from eocene.learn.validation import validate

        with self._lock:
            if self._report is None:
                self._report = validate(self.known_samples, self.spec, self.folds)
            return self._report

    @property
    def predictor(self) -> Predictor:
        """The model as its ONNX form answers, which is what predicts everywhere."""
        model = self.model
        with self._lock:
            if self._predictor is None:
                data = export_onnx(model)
                check_parity(model, data, self.known_samples.features[:2048])
                found = signature_of(model, data)
                self._predictor = Predictor(data, found, threads=1, name="The trained model")
            return self._predictor

    def describe(self) -> dict[str, Any]:
        """Return it as JSON: what was trained on what, with its scores."""
        from eocene.learn.validation import tell_metrics

        samples = self.known_samples
        told: dict[str, Any] = {"state": "trained", "dataset": samples.id, "samples": len(samples)}
        told |= {"task": self.spec.described.task, **self.spec.to_dict()}
        told |= {"features": list(samples.feature_names)}
        if self.folds:
            told |= tell_metrics(self.report, self.scoring)
        return {**told, "classes": {str(k): v for k, v in self.signature.classes.items()}}


def as_block(model: Any) -> Block:
    """Return a model as a cube of no dimension, as it lies in a plan."""
    held = np.empty((), object)
    held[()] = model
    return Block(held, ())


def unwrap(model: Any) -> Any:
    """Return what a parameter ``model`` holds: a Predictor, Training or Untrained, or what else was given.

    While a plan is made, a model that the graph trains is told by the form of its node.
    """
    if isinstance(model, CubeSchema):
        model = model.probe
    if isinstance(model, Block) and model.values.dtype == object and model.values.ndim == 0:
        return model.values.item()
    return model


def find_predictor(model: Any) -> Predictor:
    """Return a model that answers; trains it, if it is not yet.

    Raises
    ------
    InputError
        If it is no model, or one that nobody trains.
    """
    found = unwrap(model)
    if isinstance(found, Training):
        return found.predictor
    if isinstance(found, Untrained):
        raise InputError(
            "The model is not trained.",
            "Train it with ml_fit on a training set.",
            code="ProcessParameterInvalid",
        )
    if not isinstance(found, Predictor):
        raise _no_model(found)
    return found


def check_model(model: Any) -> Predictor | Training:
    """Return a model that answers, or will when it is trained; raises InputError as ``find_predictor``."""
    found = unwrap(model)
    return found if isinstance(found, Training) else find_predictor(found)


def _no_model(given: Any) -> InputError:
    return InputError(
        f"model is {type(given).__name__}, not a loaded model.",
        'Connect it to a node of load_ml_model or ml_fit: {"from_node": "model"}.',
        code="ProcessParameterInvalid",
    )
