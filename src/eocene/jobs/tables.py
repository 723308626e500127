"""The tables of the state: users, tokens, jobs, logs, layers, settings.

Instants are seconds since 1970 in UTC; structured fields are JSON. Only SQL that SQLite and
PostgreSQL share is used, so the same tables serve both.
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text

SCHEMA_VERSION = "2"

metadata = MetaData()

settings = Table(
    "settings",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("created", Float, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("user", String(64), ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False, index=True),
    Column("title", Text),
    Column("description", Text),
    Column("process", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("progress", Float, nullable=False, default=0.0),
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False),
    Column("queued", Float),
    Column("plan", String(64)),
    Column("budget", Float),
    Column("log_level", String(16), nullable=False, default="info"),
    Column("worker", Text),
    Column("lease", String(64)),
    Column("lease_until", Float),
    Column("attempts", Integer, nullable=False, default=0),
    Column("run", String(64)),
    Column("started", Float),
    Column("ended", Float),
    Column("cpu_s", Float),
    Column("wall_s", Float),
    Column("memory_bytes", Float),
    Column("expires", Float),
    Index("jobs_by_status", "status", "queued"),
)

doomed = Table(
    "doomed",
    metadata,
    Column("name", String(160), primary_key=True),
)
"""Folders of the results that are to be removed: noted in the transaction after which nobody needs them."""

logs = Table(
    "logs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("job", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("time", Float, nullable=False),
    Column("level", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("code", String(64)),
    Column("data", JSON),
)

layers = Table(
    "layers",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text),
    Column("process", JSON),
    Column("style", JSON, nullable=False),
    Column("times", JSON, nullable=False),
    Column("bounds", JSON),
    Column("source", Text),
    Column("enabled", Boolean, nullable=False, default=True),
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False),
)
