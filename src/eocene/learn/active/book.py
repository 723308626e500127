"""The book of labels: who said what of which sample, and when; nothing in it is ever overwritten."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from eocene.model import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

Act = Literal["label", "skip", "undo"]

_TABLES = """
CREATE TABLE IF NOT EXISTS labellings (id TEXT PRIMARY KEY, told TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS acts (
  number INTEGER PRIMARY KEY AUTOINCREMENT, labelling TEXT NOT NULL REFERENCES labellings,
  sample INTEGER NOT NULL, act TEXT NOT NULL, value INTEGER, guess INTEGER,
  author TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS acts_of ON acts (labelling, sample, number);
CREATE TABLE IF NOT EXISTS rounds (
  labelling TEXT NOT NULL REFERENCES labellings, number INTEGER NOT NULL, told TEXT NOT NULL,
  at TEXT NOT NULL, PRIMARY KEY (labelling, number)
);
"""
_COLUMNS = "number, sample, act, value, guess, author, at"
_CURRENT = f"""
SELECT {_COLUMNS} FROM acts WHERE number IN (SELECT max(number) FROM acts WHERE labelling = ? GROUP BY sample)
AND act != 'undo' ORDER BY number
"""  # noqa: S608  our own words


@dataclass(frozen=True)
class Entry:
    """What somebody said of a sample.

    Parameters
    ----------
    number : int
        Ascends with each entry of the book.
    sample : int
        Row of the data set.
    act : "label", "skip" or "undo"
    value : int or None
        The class; None for a skipped sample, and for one whose label was taken back.
    guess : int or None
        What the model had answered before; None where there was none yet.
    author, at : str
        Who, and the instant in UTC, RFC 3339.
    """

    number: int
    sample: int
    act: Act
    value: int | None
    guess: int | None
    author: str
    at: str


class LabelBook:
    """Labellings with their labels and rounds, in one SQLite file.

    An entry that :meth:`add` has returned is on the disk, whatever happens to the process or the machine;
    any number of processes may read and write.

    Parameters
    ----------
    path : Path
        Made when something is first written.
    clock : callable, optional
        Returns the instant, aware.
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path, self._clock = path, clock

    def start(self, labelling: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """Note a labelling, unless there is one of this id, and return what is told of it."""
        with self._write() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO labellings VALUES (?, ?, ?)",
                (labelling, json.dumps(told), self._now()),
            )
        return self.find(labelling)

    def find(self, labelling: str) -> dict[str, Any]:
        """Return what was told of a labelling; raises NotFoundError if there is none of this id."""
        found = self._read("SELECT told FROM labellings WHERE id = ?", labelling)
        if not found:
            names = ", ".join(self.names()[:8])
            raise NotFoundError(
                f"There is no labelling {labelling[:80]!r}.",
                f"There are {names}." if names else "Begin one: eocene label DATASET.",
            )
        told: dict[str, Any] = json.loads(found[0][0])
        return told

    def names(self) -> list[str]:
        """Return the ids of all labellings."""
        return [row[0] for row in self._read("SELECT id FROM labellings ORDER BY id")]

    def add(
        self, labelling: str, sample: int, value: int | None, author: str, guess: int | None = None
    ) -> Entry:
        """Write the class of a sample, or None if it was skipped; a later entry replaces an earlier one."""
        act: Act = "skip" if value is None else "label"
        with self._write() as connection:
            return self._append(connection, labelling, sample, (act, value, guess, author))

    def undo(self, labelling: str, author: str) -> Entry | None:
        """Take back what an author said last and still holds; None where there is nothing left of it."""
        with self._write() as connection:
            rows = connection.execute(_CURRENT, (labelling,)).fetchall()
            mine = [Entry(*row) for row in rows if row[5] == author]
            if not mine:
                return None
            return self._append(connection, labelling, mine[-1].sample, ("undo", None, None, author))

    def current(self, labelling: str) -> list[Entry]:
        """Return what holds of each sample, labels and skips, the oldest first."""
        return [Entry(*row) for row in self._read(_CURRENT, labelling)]

    def history(self, labelling: str) -> list[Entry]:
        """Return every entry, the oldest first."""
        query = f"SELECT {_COLUMNS} FROM acts WHERE labelling = ? ORDER BY number"  # noqa: S608  our own words
        return [Entry(*row) for row in self._read(query, labelling)]

    def add_round(self, labelling: str, told: Mapping[str, Any]) -> None:
        """Note what a round asks for, and how well the model does before it."""
        with self._write() as connection:
            connection.execute(
                "INSERT INTO rounds SELECT ?, count(*), ?, ? FROM rounds WHERE labelling = ?",
                (labelling, json.dumps(told), self._now(), labelling),
            )

    def rounds(self, labelling: str) -> list[dict[str, Any]]:
        """Return what was noted of each round, the oldest first."""
        query = "SELECT told FROM rounds WHERE labelling = ? ORDER BY number"
        return [json.loads(row[0]) for row in self._read(query, labelling)]

    def _append(
        self,
        connection: sqlite3.Connection,
        labelling: str,
        sample: int,
        said: tuple[Act, int | None, int | None, str],
    ) -> Entry:
        at = self._now()
        done = connection.execute(
            "INSERT INTO acts VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", (labelling, sample, *said, at)
        )
        return Entry(int(done.lastrowid or 0), sample, *said, at)

    def _now(self) -> str:
        return self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _read(self, query: str, *values: Any) -> list[Any]:
        if not self._path.exists():
            return []
        with closing(sqlite3.connect(self._path, timeout=30)) as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_TABLES)
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")  # what was not committed is rolled back by closing
