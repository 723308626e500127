"""The gate: faults of training data, found, shown, resolved, and refused while they are not.

Each kind of check is one file, which registers itself when it is imported here.
"""

from eocene.curate.faults import (
    conflicts,
    duplicates,
    leakage,
    mislabels,
    missing,
    moment,
    near_duplicates,
    nodata,
    outliers,
    place,
    scale,
    stripes,
)
from eocene.curate.faults.admission import admit, find_proofs, require_resolved
from eocene.curate.faults.check import CHECKS, Check, NotApplicable, check, list_proofs
from eocene.curate.faults.finding import Finding
from eocene.curate.faults.gate import check_proofs, check_quickly, check_samples
from eocene.curate.faults.material import Material
from eocene.curate.faults.page import draw_report
from eocene.curate.faults.report import FaultReport
from eocene.curate.faults.resolution import Resolution, resolve, resolve_stored
from eocene.curate.faults.settings import GateSettings

__all__ = [
    "CHECKS",
    "Check",
    "FaultReport",
    "Finding",
    "GateSettings",
    "Material",
    "NotApplicable",
    "Resolution",
    "admit",
    "check",
    "check_proofs",
    "check_quickly",
    "check_samples",
    "conflicts",
    "draw_report",
    "duplicates",
    "find_proofs",
    "leakage",
    "list_proofs",
    "mislabels",
    "missing",
    "moment",
    "near_duplicates",
    "nodata",
    "outliers",
    "place",
    "require_resolved",
    "resolve",
    "resolve_stored",
    "scale",
    "stripes",
]
