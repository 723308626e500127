"""The feature store: named graphs with owner, schema and checks; values made once, as they were known."""

from eocene.curate.features.asof import Known, find_known_times, pick_known
from eocene.curate.features.statistics import measure_drift, summarise
from eocene.curate.features.store import FeatureStore
from eocene.curate.features.view import Check, FeatureView

__all__ = [
    "Check",
    "FeatureStore",
    "FeatureView",
    "Known",
    "find_known_times",
    "measure_drift",
    "pick_known",
    "summarise",
]
