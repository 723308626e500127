"""Rules: when something happens, run a graph, and tell."""

from eocene.jobs.events.rule import Rule
from eocene.jobs.events.scheduler import keep_rules, run_rules
from eocene.jobs.events.store import Rules

__all__ = ["Rule", "Rules", "keep_rules", "run_rules"]
