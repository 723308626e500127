"""The bias report: what samples cover beside what a model will be used on, and what repairs it."""

from eocene.curate.bias.facts import Facts, find_facts
from eocene.curate.bias.groups import GroupShare, find_removed, find_worst, list_shares
from eocene.curate.bias.koppen import average_months, classify_climate
from eocene.curate.bias.page import draw_bias, draw_shares
from eocene.curate.bias.repair import Plan, measure_effective_size, plan_samples, rake
from eocene.curate.bias.report import BiasReport, measure_bias
from eocene.curate.bias.shift import Shift, measure_shift
from eocene.curate.bias.weather import read_weather

__all__ = [
    "BiasReport",
    "Facts",
    "GroupShare",
    "Plan",
    "Shift",
    "average_months",
    "classify_climate",
    "draw_bias",
    "draw_shares",
    "find_facts",
    "find_removed",
    "find_worst",
    "list_shares",
    "measure_bias",
    "measure_effective_size",
    "measure_shift",
    "plan_samples",
    "rake",
    "read_weather",
]
