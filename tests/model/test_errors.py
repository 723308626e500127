"""Every error says what was wrong and what to do, under a code that clients know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eocene.model import Band, EoceneError, InputError, errors

CLASSES = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, EoceneError)
]
OURS = {"Conflict", "Internal", "NotFound"}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_an_error_shows_fault_and_remedy(kind: type[EoceneError]) -> None:
    error = kind("The band B99 is not there.", "Choose one of B04, B08.")
    assert str(error) == "The band B99 is not there. Choose one of B04, B08."
    assert 400 <= error.status < 600
    assert isinstance(error, EoceneError)


def test_an_error_without_a_remedy_ends_with_its_fault() -> None:
    assert str(EoceneError("The disk is full.")) == "The disk is full."


def test_a_code_given_to_one_error_does_not_change_the_class() -> None:
    assert InputError("x", code="TemporalExtentEmpty").code == "TemporalExtentEmpty"
    assert InputError("x").code == "ProcessGraphInvalid"


def test_the_codes_of_the_classes_are_those_of_openeo(real_data: Path) -> None:
    known = json.loads((real_data.parent / "spec" / "errors.json").read_text())
    for kind in CLASSES:
        assert kind.code in known or kind.code in OURS, kind


def test_a_band_knows_whether_its_numbers_are_values() -> None:
    assert not Band("SCL", "uint8", 0).is_scaled
    assert Band("B04", "uint16", 0, scale=0.0001, offset=-0.1).is_scaled
    assert Band("B04", "uint16", 0, offset=-0.1).is_scaled
