"""The processes that take models out of the registry and put them in.

Source: openEO processes, proposals load_ml_model and save_ml_model.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any

import numpy as np

from eocene.archive import Archive
from eocene.cube.block import Block
from eocene.learn.predict import Predictor
from eocene.learn.processes.handles import Model, Training, unwrap
from eocene.learn.registry import ModelRegistry
from eocene.model import InputError, Layout
from eocene.process.allowance import is_planning
from eocene.process.registry import process

Tasks = Annotated[Any, {"type": "array", "items": {"type": "string"}}]
Options = Annotated[Any, {"type": "object", "additionalProperties": False}]
_NO_OPTIONS: dict[str, Any] = {}


@process("machine learning", "import", experimental=True)
def load_ml_model(
    id: Annotated[str, {"type": "string", "subtype": "ml-model-id"}],  # noqa: A002 (openEO's name)
    *,
    _archive: Archive,
) -> Model:
    """Load a model that is registered in this workspace.

    Parameters
    ----------
    id
        Its id, as GET /models lists it; or the name that it was saved under, which means the latest one; or
        the id of the job that saved it.
    """
    return load_registered(_archive.layout, id)


def load_registered(layout: Layout, name: str) -> Predictor:
    """Return a model by its id or name, as an account sees it, loaded once for many plans and requests."""
    registry = ModelRegistry(layout)
    return load_kept(registry, registry.resolve(name))


def load_kept(registry: ModelRegistry, model_id: str) -> Predictor:
    """Return a model by its id; one that is loaded already is not read again.

    Raises
    ------
    NotFoundError
        If there is none of this id that the registry's account may see.
    """
    return _load(registry.layout, model_id, registry.stamp(model_id))


@lru_cache(maxsize=4)
def _load(layout: Layout, model_id: str, stamp: int) -> Predictor:
    """Load a folder; ``stamp`` tells a new one from an old."""
    del stamp
    # The engine runs blocks side by side; one thread a block is enough.
    return ModelRegistry(layout).load(model_id, threads=1)


@process("machine learning", "export", kind="late", experimental=True)
def save_ml_model(
    data: Model,
    name: Annotated[str, {"type": "string"}] = "model",
    tasks: Tasks = (),
    options: Options = _NO_OPTIONS,
    *,
    _archive: Archive,
) -> Annotated[Any, {"type": "boolean"}]:
    """Register a model in this workspace: ONNX, its STAC item, its scores, and what it was trained on.

    Parameters
    ----------
    data
        A model from ml_fit or ml_validate_kfold.
    name
        The readable part of its id; lower-case letters, digits and hyphens.
    tasks
        What the model is for; checked against what it does.
    options
        None: there are no options.

    Returns
    -------
    Annotated
        true. The id is the name with a hash of the model; load_ml_model takes either.
    """
    training = unwrap(data)
    if not isinstance(training, Training):
        raise InputError(
            f"data is {type(training).__name__}, not a model that this graph trains.",
            "Connect it to ml_fit or ml_validate_kfold; what is loaded is registered already.",
            code="ProcessParameterInvalid",
        )
    registry = ModelRegistry(_archive.layout)
    registry.check_name(name)
    task = training.spec.described.task
    if tasks and task not in tasks:
        raise InputError(
            f"The model is for {task}, the tasks are {', '.join(map(str, tasks))}.",
            f'Give ["{task}"], or leave tasks out.',
            code="ProcessParameterInvalid",
        )
    if not is_planning():
        registry.register(training.model, training.report, training.known_samples, name=name)
    return Block(np.asarray(True), ())
