"""Who runs code of users here: sandboxes, or this very process where the operator accepts that.

``EOCENE_UDF`` is the operator's switch: ``sandbox`` (the default), ``unsafe`` to run code of users without
any wall where there can be no sandbox, ``off``.
"""

from __future__ import annotations

import atexit
import os
import platform
import threading
import weakref
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from eocene.model import InputError, UnavailableError
from eocene.process.metering import count_outside
from eocene.process.udf.contract import is_decided, offer_udfs, withdraw_udfs
from eocene.process.udf.groups import find_parent
from eocene.process.udf.limits import Limits, UdfError
from eocene.process.udf.obstacles import find_obstacle
from eocene.process.udf.owners import log_line, owner_of
from eocene.process.udf.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.process.udf.contract import UdfCall, UdfRunner

SWITCH = "EOCENE_UDF"
_LIBRARIES = ("numpy", "xarray", "pandas", "scipy", "shapely", "geopandas", "openeo")


@cache
def describe_runtimes() -> dict[str, Any]:
    """Return the one runtime, as GET /udf_runtimes lists it: this Python and its packages."""
    libraries = {}
    for name in _LIBRARIES:
        try:
            libraries[name] = {"version": version(name)}
        except PackageNotFoundError:
            continue
    number = ".".join(platform.python_version_tuple()[:2])
    return {
        "Python": {
            "title": f"Python {number}",
            "description": "Functions as the package openeo.udf has them, one process and one thread each, "
            "without network and files.",
            "type": "language",
            "default": number,
            "versions": {number: {"libraries": libraries}, "3": {"libraries": libraries}},
        }
    }


class SandboxRunner:
    """Runs each plan's code in processes of its own behind walls.

    Parameters
    ----------
    limits : Limits, optional
        What each process may take.
    """

    is_safe = True

    def __init__(self, limits: Limits | None = None) -> None:
        self.pool = Pool(limits)
        self._known: set[str] = set()
        self._lock = threading.Lock()

    @property
    def runtimes(self) -> Mapping[str, Any]:
        """The runtimes there are."""
        return describe_runtimes()

    @property
    def memory_limit(self) -> str:
        """What limits the memory of a process: ``cgroup``, or only its ``address space``."""
        return "cgroup" if find_parent() else "address space"

    def run(self, call: UdfCall) -> Any:
        """Run the code of a call on its data; see :class:`eocene.process.udf.UdfRunner`."""
        owner = owner_of(call.code)
        with self._lock:
            if owner.token not in self._known:
                self._known.add(owner.token)
                weakref.finalize(owner, self._forget, owner.token).atexit = False
        tell = _leave_out if call.is_trial else log_line
        with self.pool.lend(owner.token) as sandbox:
            before = sandbox.cpu_s
            try:
                return sandbox.call(str(call.code), call.data, call.context, tell)
            finally:
                count_outside(max(0.0, sandbox.cpu_s - before))

    def close(self) -> None:
        """End all processes."""
        self.pool.close()

    def _forget(self, token: str) -> None:
        """End the processes of a plan that has gone; in a thread, as this may happen anywhere."""
        self._known.discard(token)
        threading.Thread(target=self.pool.release, args=(token,), daemon=True).start()


class UnsafeRunner:
    """Runs code in this very process, without walls or limits: only for those who trust every user."""

    is_safe = False

    @property
    def runtimes(self) -> Mapping[str, Any]:
        """The runtimes there are."""
        return describe_runtimes()

    def run(self, call: UdfCall) -> Any:
        """Run the code of a call on its data; see :class:`eocene.process.udf.UdfRunner`."""
        from eocene.process.udf.inside import contract

        # Not by sys.stdout, which all threads share.
        show = _leave_out if call.is_trial else _log_print
        try:
            return contract.run(str(call.code), call.data, call.context, show)
        except Exception as error:
            told = contract.explain(error, call.code)
            raise UdfError(
                f"The code failed in line {told['line']}: {told['type']}: {told['message']}.",
                "Mend the code.",
                line=told["line"],
            ) from error


def choose_runner() -> UdfRunner:
    """Return the runner that the operator's switch asks for.

    Raises
    ------
    UnavailableError
        If there can be none, with the reason.
    InputError
        If the switch is set to something else.
    """
    asked = os.environ.get(SWITCH, "sandbox").strip().lower() or "sandbox"
    if asked not in ("sandbox", "unsafe", "off"):
        raise InputError(f"{SWITCH} is {asked!r}.", "Set it to sandbox, unsafe or off.")
    if asked == "off":
        raise UnavailableError("The operator has switched user-defined functions off.")
    if asked == "unsafe":
        if find_spec("openeo") is None:
            raise UnavailableError("User-defined functions need openeo.", "pip install 'eocene[udf]'")
        return UnsafeRunner()
    obstacle = find_obstacle()
    if obstacle is not None:
        raise UnavailableError(
            f"User-defined functions are not offered: {obstacle}.",
            f"Mend that, or set {SWITCH}=unsafe if every user may do with this machine what you may.",
        )
    runner = SandboxRunner()
    atexit.register(runner.close)
    return runner


def offer_where_possible() -> None:
    """Offer user-defined functions as the operator's switch says, or keep the reason why there are none.

    Nothing changes where somebody has offered or withdrawn them before.
    """
    if is_decided():
        return
    try:
        offer_udfs(choose_runner())
    except UnavailableError as error:
        withdraw_udfs(str(error))


def _leave_out(*_: Any, **__: Any) -> None:
    """Leave out what a trial on one pixel without data prints."""


def _log_print(*values: Any, sep: str | None = " ", **_: Any) -> None:
    log_line("info", (sep or " ").join(map(str, values)), "User")
