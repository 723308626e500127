"""Why a model answers as it does: importance, attribution, counterfactuals, and a check that they hold."""

from eocene.learn.explain.counterfactual import Counterfactual, find_counterfactual
from eocene.learn.explain.goals import Past
from eocene.learn.explain.importance import Importance, permute_features
from eocene.learn.explain.parts import unfold_names
from eocene.learn.explain.pixels import MeanOverPixels
from eocene.learn.explain.planted import PlantedDriver, plant_driver, plant_truth
from eocene.learn.explain.question import Question
from eocene.learn.explain.registered import explain_answer, explain_model
from eocene.learn.explain.shapley import Attribution, attribute_answers, attribute_trees

__all__ = [
    "Attribution",
    "Counterfactual",
    "Importance",
    "MeanOverPixels",
    "Past",
    "PlantedDriver",
    "Question",
    "attribute_answers",
    "attribute_trees",
    "explain_answer",
    "explain_model",
    "find_counterfactual",
    "permute_features",
    "plant_driver",
    "plant_truth",
    "unfold_names",
]
