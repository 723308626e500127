"""Ways to split samples into what is learnt and what is tested, and one check that nothing leaks."""

from eocene.curate.splits.blocks import SplitWarning, block_split
from eocene.curate.splits.chance import random_split
from eocene.curate.splits.check import check_split
from eocene.curate.splits.distances import measure_match, spread_places
from eocene.curate.splits.ground import Split, locate_blocks
from eocene.curate.splits.groups import leave_region, leave_sensor, leave_year
from eocene.curate.splits.knndm import knndm_split
from eocene.curate.splits.loo import nndm_split

__all__ = [
    "Split",
    "SplitWarning",
    "block_split",
    "check_split",
    "knndm_split",
    "leave_region",
    "leave_sensor",
    "leave_year",
    "locate_blocks",
    "measure_match",
    "nndm_split",
    "random_split",
    "spread_places",
]
