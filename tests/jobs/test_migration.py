"""A state that an older Eocene wrote is brought up to date, whole or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import inspect, text

from eocene.jobs import JobStore, migration
from eocene.jobs.database import open_database
from eocene.jobs.tables import SCHEMA_VERSION, metadata

PROCESS = '{"process_graph": {"a": {"process_id": "add", "arguments": {}, "result": true}}}'
FIRST = """
CREATE TABLE settings (name VARCHAR(64) NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE jobs (
    id VARCHAR(64) NOT NULL PRIMARY KEY, owner VARCHAR(64) NOT NULL, title TEXT, description TEXT,
    process JSON NOT NULL, status VARCHAR(16) NOT NULL, progress FLOAT NOT NULL, created FLOAT NOT NULL,
    updated FLOAT NOT NULL, queued FLOAT, plan VARCHAR(64), budget FLOAT, log_level VARCHAR(16) NOT NULL,
    worker TEXT, lease VARCHAR(64), lease_until FLOAT, attempts INTEGER NOT NULL
);
CREATE TABLE logs (
    id SERIAL PRIMARY KEY, job VARCHAR(64) NOT NULL, time FLOAT NOT NULL, level VARCHAR(16) NOT NULL,
    message TEXT NOT NULL, code VARCHAR(64), data JSON
);
INSERT INTO settings VALUES ('schema', '1');
"""
"""The tables of version 1 that later steps change, as it made them."""


@pytest.fixture
def first(layout, database):
    """A state of version 1 with a finished and a queued job."""
    made = open_database(layout)
    statements = FIRST.replace("SERIAL", "INTEGER") if database == "sqlite" else FIRST
    with made.write() as connection:
        for table in inspect(connection).get_table_names():
            connection.execute(text(f'DROP TABLE "{table}"' + (" CASCADE" if database == "postgres" else "")))
        for statement in statements.split(";\n")[:-1]:
            connection.execute(text(statement))
        for name, status in (("j-done", "finished"), ("j-waits", "queued")):
            values = f"'{name}', 'ada', :process, '{status}', 0, 1, 1, 1, 'info', 0"
            columns = "id, owner, process, status, progress, created, updated, queued, log_level, attempts"
            query = text(f"INSERT INTO jobs ({columns}) VALUES ({values})")  # noqa: S608
            connection.execute(query, {"process": PROCESS})
    made.close()
    return layout


def test_the_jobs_of_version_1_are_all_there_and_can_run(first):
    with closing(JobStore(first)) as store:
        assert {job.id: job.status for job in store.list("ada")} == {
            "j-done": "finished",
            "j-waits": "queued",
        }
        held = store.claim("w")
        assert (held.id, held.run) == ("j-waits", "j-waits")
        assert store.finish(held, lambda: None)
        assert store.get("j-waits").ended is not None


def test_a_migrated_state_has_the_columns_of_a_new_one(first):
    with closing(open_database(first)) as database, database.read() as connection:
        for name in ("jobs", "settings"):
            found = {column["name"] for column in inspect(connection).get_columns(name)}
            assert found == set(metadata.tables[name].c.keys())
        query = text("SELECT value FROM settings WHERE name = 'schema'")
        assert connection.scalar(query) == SCHEMA_VERSION


def test_every_older_version_leads_to_this_one():
    seen, version = set(), "1"
    while version != SCHEMA_VERSION:
        assert version not in seen
        seen.add(version)
        assert version in migration.STEPS
        version = str(int(version) + 1)


def test_a_failed_step_leaves_the_version_in_place(layout, monkeypatch):
    monkeypatch.delenv("EOCENE_DATABASE", raising=False)
    open_database(layout).close()
    with sqlite3.connect(layout.state) as connection:
        connection.execute("UPDATE settings SET value = '1' WHERE name = 'schema'")
    connection.close()

    def fail(connection):
        connection.execute(text("DELETE FROM settings"))
        raise RuntimeError("in the midst of it")

    monkeypatch.setitem(migration.STEPS, "1", fail)
    with pytest.raises(RuntimeError):
        open_database(layout)
    with sqlite3.connect(layout.state) as connection:
        found = connection.execute("SELECT value FROM settings WHERE name = 'schema'").fetchone()
    connection.close()
    assert found == ("1",)
