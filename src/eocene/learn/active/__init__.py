"""Active learning: spend labels where a model is unsure and samples are unlike each other."""

from eocene.learn.active.choice import choose_samples, choose_unlike, measure_doubt, scale_vectors
from eocene.learn.active.rounds import CurvePoint, Plan, count_labels, draw_curve, label_in_rounds

__all__ = [
    "CurvePoint",
    "Plan",
    "choose_samples",
    "choose_unlike",
    "count_labels",
    "draw_curve",
    "label_in_rounds",
    "measure_doubt",
    "scale_vectors",
]
