"""Why a model answers as it does: importance, attribution, counterfactuals, and a check that they hold."""

from eocene.learn.explain.counterfactual import Counterfactual, find_counterfactual
from eocene.learn.explain.importance import Importance, permute_features
from eocene.learn.explain.planted import PlantedDriver, plant_driver
from eocene.learn.explain.shapley import Attribution, attribute_answers, attribute_trees

__all__ = [
    "Attribution",
    "Counterfactual",
    "Importance",
    "PlantedDriver",
    "attribute_answers",
    "attribute_trees",
    "find_counterfactual",
    "permute_features",
    "plant_driver",
]
