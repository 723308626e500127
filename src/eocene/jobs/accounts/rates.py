"""How often somebody does something, counted by all server processes together: buckets of tokens."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from eocene.jobs.accounts.tables import rates

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from eocene.jobs.database import Database

_MINUTE_S = 60.0


class Rates:
    """Buckets that hold a minute's worth and fill steadily; one that is full is forgotten.

    Parameters
    ----------
    database : Database
        That of the state.
    clock : callable
        Gives the time in seconds since 1970; the clocks of several hosts should agree within a second.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock

    def take(self, key: str, per_minute: int, wanted: int = 1) -> tuple[int, float]:
        """Take tokens out of a bucket.

        Parameters
        ----------
        key : str
            Names the bucket.
        per_minute : int
            How many it holds, and how many come in a minute.
        wanted : int
            How many at most.

        Returns
        -------
        (int, float)
            How many were there, and if none the seconds until one will be.
        """
        try:
            return self._take(_shorten(key), per_minute, wanted)
        except IntegrityError:  # another process made it just now
            return self._take(_shorten(key), per_minute, wanted)

    def look(self, key: str, per_minute: int) -> float:
        """Return the seconds until a token will be in a bucket, 0 if one is."""
        with self._database.read() as connection:
            level, _ = self._find(connection, _shorten(key), per_minute)
        return find_wait(level, per_minute)

    def _take(self, name: str, per_minute: int, wanted: int) -> tuple[int, float]:
        now = self._clock()
        with self._database.write() as connection:
            level, is_there = self._find(connection, name, per_minute, lock=True)
            taken = max(0, min(wanted, math.floor(level)))
            values = {"level": level - taken, "time": now}
            if is_there:
                connection.execute(update(rates).where(rates.c.name == name).values(**values))
            else:
                connection.execute(delete(rates).where(rates.c.time < now - _MINUTE_S))
                connection.execute(insert(rates).values(name=name, **values))
        return taken, 0.0 if taken else find_wait(level, per_minute)

    def _find(
        self, connection: Connection, name: str, per_minute: int, *, lock: bool = False
    ) -> tuple[float, bool]:
        """Return what is in a bucket now, and whether it has a row."""
        query = select(rates.c.level, rates.c.time).where(rates.c.name == name)
        row = connection.execute(query.with_for_update() if lock else query).first()
        if row is None:
            return float(per_minute), False
        return fill(row.level, self._clock() - row.time, per_minute), True


def fill(level: float, passed_s: float, per_minute: int) -> float:
    """Return what a bucket holds some seconds later: a minute's worth at most."""
    return min(float(per_minute), level + max(0.0, passed_s) * per_minute / _MINUTE_S)


def find_wait(level: float, per_minute: int) -> float:
    """Return the seconds until a token will be in a bucket, 0 if one is, at most 60."""
    if level >= 1:
        return 0.0
    return min(_MINUTE_S, (1 - level) * _MINUTE_S / per_minute) if per_minute > 0 else _MINUTE_S


def _shorten(key: str) -> str:
    return hashlib.sha256(key.encode(errors="replace")).hexdigest()
