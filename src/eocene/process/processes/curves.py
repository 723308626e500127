"""Curves through arrays: fitted to what was observed, and computed for new labels.

Source: openEO processes 2.0 (proposals), categories arrays and math.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from eocene.cube.block import Block
from eocene.cube.edge import parse_label
from eocene.model import InputError
from eocene.process.callback import Callback
from eocene.process.methods.elementwise import promote, quiet
from eocene.process.methods.fitting import fit
from eocene.process.methods.series import as_series, axis_first
from eocene.process.registry import process
from eocene.process.types import Cube, Flag, Text, array_of

_PARAMETERS = array_of({"type": "number"}, minItems=1)


def _model(x_type: Any) -> dict[str, Any]:
    """Return the schema of a model function of x and its parameters."""
    return {
        "type": "object",
        "subtype": "process-graph",
        "parameters": [
            {"name": "x", "description": "The independent variable.", "schema": {"type": x_type}},
            {"name": "parameters", "description": "At least one parameter.", "schema": _PARAMETERS},
        ],
        "returns": {"description": "The value for x.", "schema": {"type": "number"}},
    }


Samples = Annotated[Any, array_of({"type": "number"}, subtype="labeled-array")]
Guess = Annotated[Any, _PARAMETERS]
FitModel = Annotated[Callback, _model(["number", "null"])]
Model = Annotated[Callback, _model("number")]
Labels = Annotated[
    Any,
    [
        {"type": "null"},
        array_of(
            {
                "anyOf": [
                    {"type": "number"},
                    {"type": "string", "format": "date", "subtype": "date"},
                    {"type": "string", "format": "date-time", "subtype": "date-time"},
                ]
            },
            uniqueItems=True,
        ),
    ],
]


@process("arrays", "math", experimental=True)
def fit_curve(data: Samples, parameters: Guess, function: FitModel, ignore_nodata: Flag = True) -> Guess:
    """Fit a model function to an array by non-linear least squares.

    The labels of the array are the independent variable: numbers as they are, times as seconds since
    1970-01-01 (UTC). Each pixel is fitted by itself, in 64 bits, from the same first guess. Without as many
    values as parameters there is no data.

    Parameters
    ----------
    data
        A labeled array.
    parameters
        The first guess; as many as the model has.
    function
        The model: takes ``x`` and the array ``parameters``, returns a value.
    ignore_nodata
        Whether no-data values are left out; if not, one of them makes the parameters no-data.

    Returns
    -------
    Guess
        The optimal parameters.
    """
    if not parameters:
        raise InputError(
            "fit_curve got no parameter.", "Give a first guess for each.", code="ProcessParameterInvalid"
        )
    series = as_series(data)
    values, valid = axis_first(series)
    numbers = promote(values).astype(np.float64).reshape(len(values), -1)
    here = np.isfinite(numbers)
    if valid is not None:
        here &= valid.reshape(here.shape)
    x = _as_numbers(series.labels[series.axis or ""])

    def model(guess: Any) -> Any:
        return _evaluate(function, x, guess)

    weight = here.astype(np.float64)
    found, fitted = quiet(fit, model, np.where(here, numbers, 0), weight, np.asarray(parameters, np.float64))
    if not ignore_nodata:
        fitted = fitted & here.all(axis=0)
    return _as_array(series, found, fitted)


def _as_array(series: Block, found: Any, fitted: Any) -> Any:
    """Return the parameters of each pixel along the axis that the samples ran along."""
    axis = series.axis or ""
    place = series.index(axis)
    rest = tuple(n for d, n in zip(series.dims, series.values.shape, strict=True) if d != axis)
    values = np.moveaxis(found.reshape(len(found), *rest), 0, place)
    valid = np.moveaxis(np.broadcast_to(fitted, found.shape).reshape(len(found), *rest), 0, place)
    return series.with_(
        values=np.where(valid, values, 0),
        valid=None if valid.all() else valid,
        labels={**series.labels, axis: tuple(range(len(found)))},
    )


def _evaluate(function: Any, x: Any, parameters: Any) -> Any:
    """Return the model at all x for the parameters of all pixels: (x, pixels)."""
    count, pixels = parameters.shape
    at = Block(np.broadcast_to(x[:, None], (len(x), pixels)), ("x", "pixels"))
    chosen = Block(parameters, ("array", "pixels"), {"array": tuple(range(count))}, axis="array")
    result = function(x=at, parameters=chosen)
    if not isinstance(result, Block):
        result = Block(np.asarray(np.nan if result is None else result, np.float64), ())
    values = np.asarray(promote(result.values), np.float64)
    if result.valid is not None:
        values = np.where(result.valid, values, np.nan)
    return np.broadcast_to(values, (len(x), pixels))


def _as_numbers(labels: tuple[Any, ...]) -> Any:
    """Return labels as numbers, times as seconds since 1970."""
    if all(isinstance(label, int | float) for label in labels):
        return np.asarray(labels, np.float64)
    try:
        times = [parse_label(label).astype("datetime64[ms]") for label in labels]
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The labels {[str(v) for v in labels[:3]]} are neither numbers nor times.",
            "Fit along a temporal dimension, or one labelled by numbers.",
            code="ProcessParameterInvalid",
        ) from error
    return np.asarray(times).astype(np.int64) / 1000


@process("cubes", "math", experimental=True)
def predict_curve(parameters: Cube, function: Model, dimension: Text, labels: Labels = None) -> Cube:
    """Compute the values of a fitted model function for labels.

    Parameters
    ----------
    parameters
        A cube whose dimension ``dimension``, or else its only dimension of type other, holds the
        parameters of each pixel, as ``fit_curve`` gives them.
    function
        The model: takes ``x`` and the array ``parameters``, returns a value.
    dimension
        The dimension of the result that the labels are of.
    labels
        Numbers, or times, which are handed to the model as seconds since 1970-01-01 (UTC).
    """
    if not labels:
        raise InputError(
            "predict_curve got no label, and a cube of parameters has no values to complete.",
            "Give the labels to predict values for.",
            code="ProcessParameterInvalid",
        )
    axis = _find_axis(parameters, dimension)
    values, valid = axis_first(parameters.with_(axis=axis))
    pixels = values.reshape(len(values), -1).astype(np.float64)
    predicted = quiet(_evaluate, function, _as_numbers(tuple(labels)), pixels)
    here = np.isfinite(predicted)
    if valid is not None:
        here &= valid.reshape(pixels.shape).all(axis=0)
    place = parameters.index(axis)
    shape = (len(labels), *values.shape[1:])
    is_time = not all(isinstance(label, int | float) for label in labels)
    names = tuple(parse_label(v).astype("datetime64[s]") for v in labels) if is_time else tuple(labels)
    return parameters.with_(
        values=np.moveaxis(np.where(here, predicted, 0).reshape(shape), 0, place),
        valid=None if here.all() else np.moveaxis(here.reshape(shape), 0, place),
        dims=tuple(dimension if d == axis else d for d in parameters.dims),
        labels={**{k: v for k, v in parameters.labels.items() if k != axis}, dimension: names},
        kinds={**parameters.kinds, **({dimension: "temporal"} if is_time else {})},
    )


def _find_axis(parameters: Block, dimension: str) -> str:
    others = parameters.dims_of("other")
    if dimension in parameters.dims and dimension not in ("x", "y"):
        return dimension
    if len(others) == 1:
        return others[0]
    raise InputError(
        f"It is not clear which dimension holds the parameters: {', '.join(parameters.dims)}.",
        f"Name it {dimension!r}, or keep one dimension of type other.",
        code="ProcessParameterInvalid",
    )
