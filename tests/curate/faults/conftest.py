from __future__ import annotations

import pytest

from eocene.testing.simulate.labelled import simulate_samples
from eocene.testing.simulate.planting import FAULT_KINDS, Planted, plant_faults


@pytest.fixture(scope="session")
def sound_chips():
    """600 chips without a fault."""
    return simulate_samples(600, 5, kind="chips")


@pytest.fixture(scope="session")
def planted_chips(sound_chips) -> Planted:
    """The same with 18 faults of each kind."""
    return plant_faults(sound_chips, 0.03, 5)


@pytest.fixture(scope="session")
def planted_series() -> Planted:
    """900 series with 18 faults of each kind that series can have."""
    return plant_faults(simulate_samples(900, 6, kind="series"), 0.02, 6, FAULT_KINDS[:-1])
