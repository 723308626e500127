"""The older names of predictions, which clients still send.

Source: openEO proposals predict_random_forest, predict_ml_model and predict_ml_model_probabilities;
predict_class and predict_probabilities are the names of other back-ends.
"""

from __future__ import annotations

from eocene.learn.processes.handles import Model, check_model
from eocene.learn.processes.predicting import (
    ml_predict,
    ml_predict_probabilities,
    need_of_tiles,
    weigh_pixel,
)
from eocene.model import InputError
from eocene.process.registry import ProcessDefinition, register
from eocene.process.types import Cube


def predict_random_forest(data: Cube, model: Model) -> Cube:
    """Answer by a model of pixels: for a cube, or inside reduce_dimension for the array of each pixel.

    Parameters
    ----------
    data
        A cube with the features of the model; inside a reducer the labelled array of them.
    model
        From load_ml_model, ml_fit or fit_class_random_forest.

    Returns
    -------
    Cube
        Of a cube the bands of ml_predict. Of an array one value: the class, or the value of a regression.
    """
    if not check_model(model).signature.of_pixels:
        raise InputError(
            "The model looks around each pixel.", "Use ml_predict.", code="ProcessParameterInvalid"
        )
    if data.axis is None:
        answered: Cube = ml_predict(data, model)
        return answered
    made: Cube = ml_predict(data.with_(axis=None), model, (data.axis,))
    return made.pick("bands", 0)


for _name in ("predict_random_forest", "predict_ml_model", "predict_class"):
    register(ProcessDefinition(_name, predict_random_forest, ("machine learning",), experimental=True))
for _name in ("predict_ml_model_probabilities", "predict_probabilities"):
    register(
        ProcessDefinition(
            _name,
            ml_predict_probabilities,
            ("machine learning",),
            need=need_of_tiles,
            heavy=weigh_pixel,
            experimental=True,
        )
    )
