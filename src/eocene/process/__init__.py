"""openEO process graphs: graph to plan to arrays."""

from eocene.process import registry
from eocene.process.run import Plan, Stopped, make_plan, run

__all__ = ["Plan", "Stopped", "make_plan", "registry", "run"]
