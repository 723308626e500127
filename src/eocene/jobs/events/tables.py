"""The tables of rules: what they watch, what they met, whom they still have to tell.

An event is one row whose key is rule and event id: it is this key that makes a rule fire once,
whatever is repeated or cut off. Jobs and notices are written in the transaction of their event.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from eocene.jobs.tables import metadata

rules = Table(
    "rules",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(255), nullable=False, index=True),
    Column("document", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False, default=True),
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False),
    Column("next_look", Float, nullable=False),
    Column("memory", JSON, nullable=False),
    Column("lease", String(64)),
    Column("lease_until", Float),
    Index("rules_by_look", "enabled", "next_look"),
)

rule_events = Table(
    "rule_events",
    metadata,
    Column("rule", String(64), ForeignKey("rules.id", ondelete="CASCADE"), primary_key=True),
    Column("event", String(256), primary_key=True),
    # False for what was there before the rule, and for other names of an event that fired.
    Column("fired", Boolean, nullable=False),
    Column("found", Float, nullable=False),
    Column("document", JSON),
    # When the job is to be started; null once it was, or where nothing is run.
    Column("due", Float),
    Column("job", String(64)),
    Column("fault", Text),
    Index("rule_events_by_time", "rule", "fired", "found"),
    Index("rule_events_by_due", "due"),
)

rule_notices = Table(
    "rule_notices",
    metadata,
    # What the receiver knows a repeated notice by.
    Column("id", String(64), primary_key=True),
    Column("rule", String(64), ForeignKey("rules.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("event", String(256), nullable=False),
    Column("target", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", Float, nullable=False),
    Index("rule_notices_by_due", "status", "due"),
)

rule_logs = Table(
    "rule_logs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("rule", String(64), ForeignKey("rules.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("time", Float, nullable=False),
    Column("level", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("code", String(64)),
)
