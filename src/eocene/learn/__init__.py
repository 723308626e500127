"""Models: train, evaluate, register, predict. Packages of the extra are imported when first needed."""

from eocene.learn.evaluate import Report, SplitScore, evaluate
from eocene.learn.predict import Predictor
from eocene.learn.registry import ModelRegistry
from eocene.learn.spec import ModelSpec
from eocene.learn.train import TrainedModel, train

__all__ = [
    "ModelRegistry",
    "ModelSpec",
    "Predictor",
    "Report",
    "SplitScore",
    "TrainedModel",
    "evaluate",
    "train",
]
