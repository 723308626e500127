"""Labelled samples and splits that cannot leak."""

from eocene.curate.card import describe_samples, write_card
from eocene.curate.dataset import Dataset, DatasetWriter, Layer
from eocene.curate.naming import name_features
from eocene.curate.placed import Placed
from eocene.curate.samples import Samples
from eocene.curate.sampling import (
    Draw,
    FeatureLabels,
    RasterLabels,
    Recipe,
    build_dataset,
    choose_balanced,
    choose_diverse,
    choose_stratified,
    choose_weighted,
    sample_pixels,
)
from eocene.curate.splits import (
    SplitWarning,
    block_split,
    check_split,
    knndm_split,
    leave_region,
    leave_sensor,
    leave_year,
    locate_blocks,
    nndm_split,
    random_split,
    spread_places,
)

__all__ = [
    "Dataset",
    "DatasetWriter",
    "Draw",
    "FeatureLabels",
    "Layer",
    "Placed",
    "RasterLabels",
    "Recipe",
    "Samples",
    "SplitWarning",
    "block_split",
    "build_dataset",
    "check_split",
    "choose_balanced",
    "choose_diverse",
    "choose_stratified",
    "choose_weighted",
    "describe_samples",
    "knndm_split",
    "leave_region",
    "leave_sensor",
    "leave_year",
    "locate_blocks",
    "name_features",
    "nndm_split",
    "random_split",
    "sample_pixels",
    "spread_places",
    "write_card",
]
