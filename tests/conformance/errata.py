"""Tests of the official suite that no server can pass, and the same tests with their fault mended.

The table counts them as failed; they are run once more, corrected, so that what they are about is tested.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Erratum:
    """A passage of a test, what should stand there, and why."""

    file: str
    test: str
    wrong: str
    right: str
    reason: str


ERRATA = (
    Erratum(
        file="workflows/L1/test_apply_dimension_L1.py",
        test="test_apply_dimension_quantiles_1",
        wrong="cube = cube_red_nir.apply_dimension(\n        process=lambda d: quantiles(",
        right='cube = cube_red_nir.filter_bands(["B04"]).apply_dimension(\n'
        "        process=lambda d: quantiles(",
        reason="three quantiles of two bands cannot lie in three places: by its description, apply_dimension "
        "takes a target dimension that exists with a single label only",
    ),
    Erratum(
        file="workflows/L1/test_load_save.py",
        test="test_load_save_netcdf_batch_job_metadata",
        wrong="assert validate_stac_dict(results_metadata)",
        right="validate_stac_dict(results_metadata)",
        reason="it asserts the value of a function that returns nothing, and raises where STAC is invalid",
    ),
)


def correct_suite(suite: Path, place: Path) -> list[str]:
    """Copy the tests of the suite to a place with its faults mended; return the tests that are meant.

    Raises
    ------
    ValueError
        If the suite is another one than this was written for.
    """
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(suite, place)
    for erratum in ERRATA:
        path = place / erratum.file
        text = path.read_text(encoding="utf-8")
        if text.count(erratum.wrong) != 1:
            raise ValueError(f"{erratum.file} of the suite has changed: look at {erratum.test} again.")
        path.write_text(text.replace(erratum.wrong, erratum.right), encoding="utf-8")
    return [f"{place / erratum.file}::{erratum.test}" for erratum in ERRATA]
