"""Active learning: spend labels where a model is unsure and samples are unlike each other."""

from eocene.learn.active.book import Entry, LabelBook
from eocene.learn.active.choice import choose_samples, choose_unlike, measure_doubt, scale_vectors
from eocene.learn.active.labelling import Labelling
from eocene.learn.active.opening import begin_labelling, find_labelling, open_labelling
from eocene.learn.active.outcome import collect_samples, draw_map, write_geojson
from eocene.learn.active.pool import UNLABELLED, draw_pool
from eocene.learn.active.rounds import CurvePoint, Plan, count_labels, draw_curve, label_in_rounds
from eocene.learn.active.terms import Kept, Terms

__all__ = [
    "UNLABELLED",
    "CurvePoint",
    "Entry",
    "Kept",
    "LabelBook",
    "Labelling",
    "Plan",
    "Terms",
    "begin_labelling",
    "choose_samples",
    "choose_unlike",
    "collect_samples",
    "count_labels",
    "draw_curve",
    "draw_map",
    "draw_pool",
    "find_labelling",
    "label_in_rounds",
    "measure_doubt",
    "open_labelling",
    "scale_vectors",
    "write_geojson",
]
