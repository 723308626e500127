"""The tables of map layers that came after the first: what a layer is as a web service, and its log."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, String, Table, Text

from eocene.jobs.tables import metadata

services = Table(
    "services",
    metadata,
    Column("layer", String(64), primary_key=True),
    Column("type", String(16), nullable=False),
    Column("log_level", String(16), nullable=False),
    Column("plan", String(64)),
    Column("budget", Float),
    Column("shared", Boolean, nullable=False),
    Column("native_zoom", Integer),
)

service_logs = Table(
    "service_logs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("layer", String(64), nullable=False, index=True),
    Column("time", Float, nullable=False),
    Column("level", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("code", String(64)),
)
