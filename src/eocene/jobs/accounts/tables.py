"""The tables of accounts: profiles of users, personal tokens, projects, spending, rates, the audit log."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from eocene.jobs.tables import metadata

_USER = "users.name"

profiles = Table(
    "profiles",
    metadata,
    Column("user", String(64), ForeignKey(_USER, ondelete="CASCADE"), primary_key=True),
    Column("title", Text),
    Column("issuer", String(512)),
    Column("subject", String(255)),
    Column("roles", JSON, nullable=False),
    Column("limits", JSON, nullable=False),
    Column("closed", Boolean, nullable=False, default=False),
    UniqueConstraint("issuer", "subject", name="profiles_by_identity"),
)
"""A user without a row here is a local one with no roles and the operator's limits."""

projects = Table(
    "projects",
    metadata,
    Column("name", String(64), ForeignKey(_USER, ondelete="CASCADE"), primary_key=True),
    Column("title", Text, nullable=False),
    Column("created", Float, nullable=False),
)

members = Table(
    "members",
    metadata,
    Column("project", String(64), ForeignKey("projects.name", ondelete="CASCADE"), primary_key=True),
    Column("user", String(64), ForeignKey(_USER, ondelete="CASCADE"), primary_key=True),
    Column("role", String(16), nullable=False),
)

personal_tokens = Table(
    "personal_tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("user", String(64), ForeignKey(_USER, ondelete="CASCADE"), nullable=False, index=True),
    Column("project", String(64), ForeignKey("projects.name", ondelete="CASCADE")),
    Column("title", Text, nullable=False),
    Column("scope", String(8), nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float, nullable=False),
)

spending = Table(
    "spending",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("user", String(64), nullable=False, index=True),
    Column("job", String(64), nullable=False),
    Column("time", Float, nullable=False),
    Column("cpu_s", Float, nullable=False),
)
"""What runs took whose jobs are gone or have started anew; only ever added to."""

rates = Table(
    "rates",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("level", Float, nullable=False),
    Column("time", Float, nullable=False, index=True),
)
"""What is left in the buckets of those who asked within the last minute; no row is a full one."""

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("time", Float, nullable=False, index=True),
    Column("actor", String(64)),
    Column("account", String(64)),
    Column("action", String(128), nullable=False),
    Column("target", Text),
    Column("status", Integer),
    Column("address", String(64)),
)
"""Rows are only ever added: there is no code that changes or removes one. Names stay when users go."""
