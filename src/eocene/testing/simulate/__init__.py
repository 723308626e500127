"""A simulated archive: a small world from a seed, as satellites, farmers and stations would report it."""

from eocene.testing.simulate.archive import SimulatedArchive, Truth, simulate_archive
from eocene.testing.simulate.classes import Cover, Event

__all__ = ["Cover", "Event", "SimulatedArchive", "Truth", "simulate_archive"]
