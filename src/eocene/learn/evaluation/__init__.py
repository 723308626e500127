"""Parts of the report on a model: calibration, conformal sets, groups, baselines, the page of pictures."""

from eocene.learn.evaluation.calibration import fit_temperature, measure_ece, scale_by_temperature
from eocene.learn.evaluation.conformal import ConformalSets, calibrate_sets, measure_sets

__all__ = [
    "ConformalSets",
    "calibrate_sets",
    "fit_temperature",
    "measure_ece",
    "measure_sets",
    "scale_by_temperature",
]
