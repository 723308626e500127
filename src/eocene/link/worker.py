"""Questions with a deadline, answered in processes that can be killed.

The evaluator cannot be stopped, neither by a flag nor by an exception out of a function. So a
question that comes with a time limit goes to a warm child process; at the deadline that child is
killed and the next question gets a fresh one. Parent and child speak JSON, one line each way.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from eocene.link.answer import Solutions
from eocene.model import EoceneError, InputError, StateError, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_WORKERS = 2
MAX_MEMORY = 6 * 1024**3
_START_S = 30.0


class WorkerPool:
    """Up to two warm child processes for one store."""

    def __init__(self, folder: Path, base: str, metric_crs: int | None) -> None:
        self._arguments = [str(folder), base, str(metric_crs or 0)]
        self._idle: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(MAX_WORKERS)

    def answer(self, question: str, limit: int, timeout_s: float) -> Solutions:
        """Answer a question or raise StateError when the time is over."""
        if not self._slots.acquire(timeout=timeout_s):
            raise StateError(
                f"All {MAX_WORKERS} places for questions were taken for {timeout_s:g} s.", "Ask again later."
            )
        try:
            with self._borrow() as child:
                reply = _exchange(child, json.dumps({"question": question, "limit": limit}), timeout_s)
        finally:
            self._slots.release()
        return _read_reply(reply)

    @contextmanager
    def _borrow(self) -> Iterator[subprocess.Popen[str]]:
        with self._lock:
            child = self._idle.pop() if self._idle else None
        if child is None or child.poll() is not None:
            child = _start(self._arguments)
        try:
            yield child
        except BaseException:
            _end(child)
            raise
        with self._lock:
            self._idle.append(child)

    def close(self) -> None:
        """End the idle children."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            _end(child)

    def __del__(self) -> None:
        self.close()


def _start(arguments: list[str]) -> subprocess.Popen[str]:
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "eocene.link.worker", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )
    try:
        _exchange(child, "", _START_S)  # its start does not count against the question
    except BaseException:
        _end(child)
        raise
    return child


def _end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.wait()
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            stream.close()


def _exchange(child: subprocess.Popen[str], line: str, timeout_s: float) -> str:
    """Send a line and wait for the line that answers it; the child dies at the deadline."""
    if child.stdin is None or child.stdout is None:
        raise StateError("The child has no pipes.", "Start it with pipes.")
    over = threading.Event()

    def stop() -> None:
        over.set()
        child.kill()

    timer = threading.Timer(timeout_s, stop)
    timer.start()
    try:
        child.stdin.write(line + "\n")
        child.stdin.flush()
        reply = child.stdout.readline()
    except BrokenPipeError:
        reply = ""
    finally:
        timer.cancel()
    if over.is_set():
        raise StateError(
            f"The question was not answered within {timeout_s:g} s and was stopped.",
            "Make it narrower, or allow more time.",
        )
    if not reply:
        raise StateError(
            "The process that answered the question ended, most likely for want of memory "
            f"(limit {MAX_MEMORY // 1024**3} GiB).",
            "Make the question narrower, for instance without sorting or a product of all pairs.",
        )
    return reply


def _read_reply(reply: str) -> Solutions:
    content = json.loads(reply)
    if "error" in content:
        fault = content["error"]
        kind = getattr(errors, fault["kind"], EoceneError)
        raise kind(fault["message"], fault["remedy"], code=fault["code"])
    fields = content["solutions"]
    for name in ("variables", "bindings", "triples"):
        fields[name] = tuple(fields[name])
    return Solutions(**fields)


def serve(arguments: list[str], requests: IO[str], replies: IO[str]) -> None:
    """Answer requests until the pipe closes: the life of a child process."""
    from eocene.link.store import LinkStore

    folder, base, metric_crs = arguments
    replies.write("\n")
    replies.flush()
    store: LinkStore | None = None
    requests.readline()
    for line in requests:
        request = json.loads(line)
        try:
            store = store or LinkStore(Path(folder), base=base, metric_crs=int(metric_crs) or None)
            solutions = store.query(request["question"], limit=request["limit"])
            reply: dict[str, Any] = {"solutions": asdict(solutions)}
        except EoceneError as error:
            reply = {"error": _describe(error)}
        except MemoryError:
            reply = {"error": _describe(InputError("The answer does not fit in memory.", "Ask for less."))}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def _describe(error: EoceneError) -> dict[str, str]:
    kind = next(base.__name__ for base in type(error).__mro__ if hasattr(errors, base.__name__))
    return {"kind": kind, "message": error.message, "remedy": error.remedy, "code": error.code}


if __name__ == "__main__":
    _, _hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, _hard))
    serve(sys.argv[1:], sys.stdin, sys.stdout)
