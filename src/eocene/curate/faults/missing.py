"""Samples that lack too much, or hold what is no number."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.check import check
from eocene.curate.faults.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate.faults.material import Material

_CLOSE = 0.02


@check("missing", "samples that lack many of their values", after=("nodata",))
def find_missing(material: Material) -> Iterator[Finding]:
    """Name samples that lack more than their share of values, or hold infinite ones.

    A feature that nobody has is no fault of a sample: it is left out of the share. What the column "cloud"
    tells is known, and only suspected: models of series live with dates under clouds.
    """
    absent, odd = np.zeros(material.width), np.zeros(len(material), bool)
    for part, held in material.parts():
        absent += np.isnan(held).sum(axis=0)
        odd[part] = np.isinf(held).any(axis=1)
    usual = absent <= material.settings.max_missing * len(material)
    share = np.zeros(len(material))
    for part, held in material.parts() if usual.any() else ():
        share[part] = np.isnan(held)[:, usual].mean(axis=1)
    rows = material.without("nodata")
    short = rows[share[rows] > material.settings.max_missing]
    reason = f"lack more than {100 * material.settings.max_missing:.0f} % of their values"
    told = _tell_clouds(material, short) >= share[short] - _CLOSE
    if not told.all():
        yield _tell(short[~told], reason, _round(share[short[~told]]))
    if told.any():
        rest = f"{reason}, as their column 'cloud' tells"
        yield replace(
            _tell(short[told], rest, _round(share[short[told]])), severity="suspicion", proposal="look"
        )
    if odd[rows].any():
        yield _tell(rows[odd[rows]], "hold infinite values")


def _tell_clouds(material: Material, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the share of samples that is known to be under clouds; 0 where nobody says."""
    cloud = material.samples.columns.get("cloud")
    if cloud is None or cloud.dtype.kind not in "iuf":
        return np.zeros(len(rows))
    return np.nan_to_num(cloud[rows].astype(np.float64))


def _round(share: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(v), 4) for v in share)


def _tell(rows: NDArray[np.intp], reason: str, scores: tuple[float, ...] = ()) -> Finding:
    told = tuple(int(row) for row in rows)
    return Finding("missing", told, f"{len(told)} samples {reason}.", "fault", drop=told, scores=scores)
