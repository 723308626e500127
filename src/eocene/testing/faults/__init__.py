"""A loopback web server that fails on demand: what readers of remote data are tested against."""

from eocene.testing.faults.plan import Fault, Faults
from eocene.testing.faults.server import FaultServer, Seen

__all__ = ["Fault", "FaultServer", "Faults", "Seen"]
