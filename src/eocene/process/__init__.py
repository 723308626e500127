"""openEO process graphs: graph to plan to arrays."""

from eocene.process import registry
from eocene.process.executors import Stopped
from eocene.process.run import Plan, make_plan, run

__all__ = ["Plan", "Stopped", "make_plan", "registry", "run"]
