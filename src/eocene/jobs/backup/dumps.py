"""Databases at one moment: SQLite through its online backup, PostgreSQL through pg_dump and pg_restore."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import ExitStack, closing
from itertools import islice
from typing import TYPE_CHECKING, Self

from sqlalchemy import make_url

from eocene.model import DamageError, StateError, UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import URL

    from eocene.jobs.database import Database

STATE, CATALOGUE = "EOCENE_DATABASE", "EOCENE_CATALOGUE"
# pgstac's functions name PostGIS's without their schema, which a dump hides while it is restored.
_PATHS = (b"set_config('search_path', '', false)", b"set_config('search_path', 'pgstac, public', false)")


def is_postgres(url: str) -> bool:
    """Tell whether an address is one of PostgreSQL."""
    return url.startswith(("postgresql", "postgres:"))


class StateView:
    """The state as it stands when it is pinned, however it changes before it is saved.

    Parameters
    ----------
    database : Database
        The state; whoever holds its write lock decides which moment is pinned.
    """

    def __init__(self, database: Database) -> None:
        self._database, self._open = database, ExitStack()
        self._sqlite: sqlite3.Connection | None = None
        self._exported = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def pin(self) -> None:
        """Hold fast what is committed now."""
        if self._database.url.get_backend_name() == "sqlite":
            self._sqlite = _connect(str(self._database.url.database))
            self._open.enter_context(closing(self._sqlite))
            self._sqlite.execute("BEGIN")
            self._sqlite.execute("SELECT count(*) FROM settings").fetchone()  # the view begins by reading
            return
        connection = self._open.enter_context(self._database.read())
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        self._exported = str(connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar())

    def save(self, folder: Path) -> dict[str, Path]:
        """Write what was pinned: ``state.sqlite``, or a dump, which is returned under its variable."""
        if self._sqlite is not None:
            with closing(sqlite3.connect(folder / "state.sqlite")) as copy:
                self._sqlite.backup(copy)
            return {}
        target = folder / ".state.dump"
        dump_postgres(self._database.url, target, f"--snapshot={self._exported}")
        return {STATE: target}


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database that others are writing, as it stands at one moment."""
    with closing(_connect(str(source))) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)


def save_catalogue(folder: Path) -> dict[str, Path]:
    """Write a dump of the catalogue if it lies in a database of its own, and return it under its variable."""
    url = os.environ.get(CATALOGUE, "")
    if not is_postgres(url) or _same(url, os.environ.get(STATE, "")):
        return {}
    target = folder / ".catalogue.dump"
    dump_postgres(make_url(url), target)
    return {CATALOGUE: target}


def dump_postgres(url: URL, target: Path, *options: str) -> None:
    """Write a dump of a database; raises UnavailableError without pg_dump, DamageError if it fails."""
    _call("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}", *options)


def restore_postgres(url: URL, dump: Path) -> None:
    """Bring a dump into an empty database, all or nothing.

    Raises
    ------
    StateError
        If the database holds tables.
    """
    query = (
        "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND n.nspname IN ('public', 'pgstac', 'eocene') "
        "AND c.relname <> 'spatial_ref_sys'"
    )
    if _call("psql", url, "--tuples-only", "--no-align", "--command", query).strip() != "0":
        raise StateError(
            f"The database {url.render_as_string()} holds tables.", "Name an empty one, as createdb makes it."
        )
    script = dump.with_suffix(".sql")
    try:
        _call("pg_restore", None, "--no-owner", "--no-privileges", f"--file={script}", str(dump))
        edited = dump.with_suffix(".edited")
        with script.open("rb") as reading, edited.open("wb") as writing:
            for line in islice(reading, 50):
                writing.write(line.replace(*_PATHS))
            shutil.copyfileobj(reading, writing)
        edited.replace(script)
        _call(
            "psql", url, "--single-transaction", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1",
            "--output=/dev/null", f"--file={script}",
        )  # fmt: skip
    finally:
        script.unlink(missing_ok=True)


def _call(program: str, url: URL | None, *options: str) -> str:
    """Run a program of PostgreSQL; the password goes by the environment, where others cannot read it."""
    path = shutil.which(program)
    if path is None:
        raise UnavailableError(f"{program} is not installed.", "Install the clients of PostgreSQL.")
    command, environment = [path, *options], dict(os.environ)
    if url is not None:
        plain = url.set(drivername="postgresql", password=None)
        command.append(f"--dbname={plain.render_as_string(hide_password=False)}")
        environment |= {"PGPASSWORD": str(url.password)} if url.password else {}
    done = subprocess.run(  # noqa: S603  a fixed program, and the operator's own address
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DamageError(f"{program} failed: {done.stderr.strip()[:400]}", "See the log of the database.")
    return done.stdout


def _connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)


def _same(one: str, other: str) -> bool:
    if not is_postgres(other):
        return False
    first, second = make_url(one), make_url(other)
    return (first.host, first.port, first.database) == (second.host, second.port, second.database)
