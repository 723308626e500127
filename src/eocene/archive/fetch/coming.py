"""What another thread is going to give: a future with nothing but a result, which costs a tenth of one."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Coming(Generic[T]):
    """Given once, by :meth:`give` or :meth:`give_up`; any number of threads wait for it."""

    def __init__(self) -> None:
        self._given: tuple[T] | None = None
        self._error: BaseException | None = None
        self._gate = threading.Lock()
        self._gate.acquire()

    def give(self, result: T) -> None:
        """Give what is waited for."""
        self._given = (result,)
        self._gate.release()

    def give_up(self, error: BaseException) -> None:
        """Tell why it is not going to come."""
        self._error = error
        self._gate.release()

    def result(self) -> T:
        """Wait for it, and return it or raise why it does not come."""
        if self._given is None:
            with self._gate:  # held until it is given
                pass
        if self._given is None:
            assert self._error is not None  # noqa: S101  one of them is there
            raise self._error
        return self._given[0]
