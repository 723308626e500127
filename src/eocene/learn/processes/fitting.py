"""The processes that train models: as a part of the job that asks for them, never while a graph is checked.

Source: openEO processes, proposals ml_fit, ml_validate_kfold, fit_class_random_forest and
fit_regr_random_forest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from eocene.cube.block import Block
from eocene.cube.feature import features_of, make_vector_cube
from eocene.cube.geojson import read_features
from eocene.learn.processes.faults import KINDS, read_kept, settle_faults
from eocene.learn.processes.handles import Model, Training, Untrained, as_block, unwrap
from eocene.learn.processes.initialisers import read_variables
from eocene.learn.processes.training_set import make_samples, read_signature
from eocene.learn.spec import ModelSpec
from eocene.learn.validation import check_scoring
from eocene.model import InputError
from eocene.process.allowance import is_planning
from eocene.process.registry import process
from eocene.process.standard import GEOJSON, VECTOR
from eocene.process.types import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eocene.cube.feature import Feature

TrainingSet = Annotated[Any, [VECTOR, GEOJSON]]
Fraction = Annotated[Any, {"type": "number", "minimumExclusive": 0, "maximum": 1}]
Trees = Annotated[Any, {"type": "integer", "minimum": 1}]
Variables = Annotated[
    Any,
    [
        {"type": "integer", "minimum": 1},
        {"type": "null"},
        {"type": "string", "enum": ["all", "log2", "onethird", "sqrt"]},
    ],
]
Seed = Annotated[Any, {"type": ["integer", "null"]}]
Scoring = Annotated[
    Any,
    [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}, {"type": "null"}],
]
Folds = Annotated[Any, {"type": "integer", "minimum": 2}]
Options = Annotated[
    Any,
    {
        "type": "object",
        "properties": {
            "keep_faults": {
                "type": "object",
                "description": "Kinds of fault that may stay in the training set, each with the reason.",
                "properties": {kind: {"type": "string", "minLength": 1} for kind in KINDS},
                "additionalProperties": False,
            }
        },
        "additionalProperties": False,
    },
]
_NO_OPTIONS: dict[str, Any] = {}


@process("machine learning", kind="late", experimental=True)
def ml_fit(
    model: Model, training_set: TrainingSet, target: Text = "label", options: Options = _NO_OPTIONS
) -> Model:
    """Train a model on a training set.

    Parameters
    ----------
    model
        An untrained model, from one of the processes mlm_class_… and mlm_regr_….
    training_set
        A vector cube: geometries with values, such as aggregate_spatial gives, or GeoJSON whose numeric
        properties are the values.
    target
        The property, or band, that is learnt: texts or whole numbers for classes, numbers for a regression.
    options
        ``{"keep_faults": {"conflicts": "two sensors saw them"}}`` trains in spite of faults, which else are
        an error: nodata (samples that hold nothing), missing (that lack most values), scale (that are a power
        of ten off), duplicates (equal ones), conflicts (equal ones with different labels), crs (outside the
        CRS), and for chips stripes. The reason stays with the model.

    Returns
    -------
    Model
        The trained model, for ml_predict and save_ml_model.
    """
    return _fit(_find_untrained(model), _as_cube(training_set), target, keep=read_kept(options))


@process("machine learning", kind="late", experimental=True)
def ml_validate_kfold(
    model: Model,
    training_set: TrainingSet,
    target: Text = "label",
    scoring: Scoring = None,
    cv: Folds = 5,
    seed: Seed = None,
    options: Options = _NO_OPTIONS,
) -> Model:
    """Score a model on folds of a training set, drawn by chance, and train it on all of it.

    Neighbours on both sides of a random fold flatter a model; blocks of ground are what ``eocene train``
    scores beside it.

    Parameters
    ----------
    model
        An untrained model.
    training_set
        As of ml_fit.
    target
        As of ml_fit.
    scoring
        accuracy, f1, macro_f1, balanced_accuracy, kappa, precision and recall of classes, rmse, mae and r2
        of values; null for accuracy and f1, or rmse.
    cv
        How many folds.
    seed
        Decides the folds and the training; null for that of the model.
    options
        As of ml_fit.

    Returns
    -------
    Model
        The model, trained on all, with its scores: as a result it is shown with them, and save_ml_model keeps
        them as its report.
    """
    untrained = _find_untrained(model)
    spec = untrained.spec if seed is None else replace(untrained.spec, seed=int(seed) % 2**32)
    asked = check_scoring(scoring, spec.described.task)
    return _fit(
        replace(untrained, spec=spec), _as_cube(training_set), target,
        folds=int(cv), scoring=asked, keep=read_kept(options),
    )  # fmt: skip


@process("machine learning", kind="late", experimental=True)
def fit_class_random_forest(  # noqa: PLR0913, PLR0917 (openEO's parameters)
    predictors: TrainingSet,
    target: TrainingSet,
    training: Fraction = 1,
    num_trees: Trees = 100,
    mtry: Variables = None,
    max_variables: Variables = None,
    seed: Seed = None,
    target_column: Text = "target",
) -> Model:
    """Train a random forest of classes: the older form of ml_fit with mlm_class_random_forest.

    Parameters
    ----------
    predictors
        A vector cube: the values at the places of ``target``.
    target
        The places with what is to be learnt, as many and in the same order; often GeoJSON.
    training
        Part of the places that is learnt from, drawn by chance.
    num_trees
        How many trees.
    mtry
        As max_variables.
    max_variables
        How many features a split looks at: all, log2, onethird or sqrt; null for sqrt.
    seed
        Decides every draw; null is 0.
    target_column
        The property of ``target`` that is learnt.
    """
    settings = {"n_estimators": num_trees, "max_features": read_variables(max_variables or mtry or "sqrt")}
    return _fit_forest("random_forest", settings, seed, predictors, target, target_column, training)


@process("machine learning", kind="late", experimental=True)
def fit_regr_random_forest(  # noqa: PLR0913, PLR0917 (openEO's parameters)
    predictors: TrainingSet,
    target: TrainingSet,
    training: Fraction = 1,
    num_trees: Trees = 100,
    mtry: Variables = None,
    max_variables: Variables = None,
    seed: Seed = None,
    target_column: Text = "target",
) -> Model:
    """Train a random forest of values: the older form of ml_fit with mlm_regr_random_forest.

    Parameters
    ----------
    predictors
        As of fit_class_random_forest.
    target
        As of fit_class_random_forest, with numbers.
    training
        As of fit_class_random_forest.
    num_trees
        How many trees.
    mtry
        As max_variables.
    max_variables
        How many features a split looks at: all, log2, onethird or sqrt; null for a third.
    seed
        Decides every draw; null is 0.
    target_column
        The property of ``target`` that is learnt.
    """
    settings = {
        "n_estimators": num_trees,
        "max_features": read_variables(max_variables or mtry or "onethird"),
    }
    return _fit_forest(
        "random_forest_regression", settings, seed, predictors, target, target_column, training
    )


def _fit_forest(
    kind: str,
    settings: dict[str, Any],
    seed: Any,
    predictors: Any,
    target: Any,
    column: str,
    training: float,
) -> Any:
    spec = ModelSpec(kind, 0 if seed is None else int(seed) % 2**32, settings)
    places = features_of(_as_cube(target))
    return _fit(Untrained(spec), _as_cube(predictors), column, targets=places, share=training)


def _fit(  # noqa: PLR0913 (what ml_fit and its kin ask by)
    model: Untrained,
    cube: Block,
    target: str,
    *,
    targets: Sequence[Feature] | None = None,
    share: float = 1,
    folds: int = 0,
    scoring: tuple[str, ...] = (),
    keep: Mapping[str, str] | None = None,
) -> Block:
    """Return the training as a plan holds it; while the plan is made only its form is looked at."""
    kind = model.spec.described
    signature = read_signature(cube, target, kind.task, targets)
    form = tuple(signature.axes)
    if form not in kind.takes:
        raise InputError(
            f"{kind.title} learns from {' or '.join(map(str, kind.takes))}, not {form}.",
            "Give a training set with those dimensions beside the geometry, or take another model.",
            code="ProcessParameterInvalid",
        )
    if is_planning():  # what is computed from pixels has no values yet
        return as_block(Training(signature, model.spec))
    samples = make_samples(cube, target, kind.task, targets=targets)
    if share < 1:
        chosen = np.random.default_rng(model.spec.seed).permutation(len(samples))
        samples = samples.take(np.sort(chosen[: max(2, round(share * len(samples)))]))
    return as_block(Training(signature, model.spec, settle_faults(samples, keep, model.spec), folds, scoring))


def _as_cube(value: Any) -> Block:
    return value if isinstance(value, Block) else make_vector_cube(read_features(value))


def _find_untrained(model: Any) -> Untrained:
    found = unwrap(model)
    if not isinstance(found, Untrained):
        raise InputError(
            f"model is {type(found).__name__}, not an untrained model.",
            "Connect it to one of the processes mlm_class_… or mlm_regr_….",
            code="ProcessParameterInvalid",
        )
    return found
