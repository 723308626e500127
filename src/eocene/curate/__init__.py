"""Labelled samples and splits that cannot leak."""

from eocene.curate.card import describe_samples, write_card
from eocene.curate.naming import name_features
from eocene.curate.samples import Samples
from eocene.curate.sampling import sample_chips, sample_pixels
from eocene.curate.split import SplitWarning, block_split, locate_blocks, random_split

__all__ = [
    "Samples",
    "SplitWarning",
    "block_split",
    "describe_samples",
    "locate_blocks",
    "name_features",
    "random_split",
    "sample_chips",
    "sample_pixels",
    "write_card",
]
