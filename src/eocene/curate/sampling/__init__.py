"""Samples from cubes and plans: which places, by which design, and what is known of each."""

from eocene.curate.sampling.build import Recipe, build_dataset
from eocene.curate.sampling.designs import choose_balanced, choose_diverse, choose_stratified, choose_weighted
from eocene.curate.sampling.draw import Draw
from eocene.curate.sampling.labels import FeatureLabels, Labels, LabelWindow, RasterLabels
from eocene.curate.sampling.pixels import sample_pixels

__all__ = [
    "Draw",
    "FeatureLabels",
    "LabelWindow",
    "Labels",
    "RasterLabels",
    "Recipe",
    "build_dataset",
    "choose_balanced",
    "choose_diverse",
    "choose_stratified",
    "choose_weighted",
    "sample_pixels",
]
