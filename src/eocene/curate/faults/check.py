"""The contract of a check, and the list of all.

A check is one function in one file of this package: it is given the :class:`Material` and yields findings.
``after`` names kinds that run before it, whose samples it mostly leaves out, since their fault explains
what it would see.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from eocene.model import InputError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eocene.curate.faults.finding import Finding
    from eocene.curate.faults.material import Material

    Function = Callable[[Material], Iterable[Finding]]


class NotApplicable(Exception):  # noqa: N818 - no error: the check has nothing to look at
    """Raised by a check that cannot say anything of these samples; its text says why."""


@dataclass(frozen=True)
class Check:
    """One kind of check.

    Parameters
    ----------
    kind : str
        Its name in reports.
    title : str
        What it looks for, in a few words.
    find : callable
        Material → findings.
    after : tuple of str
        Kinds that are checked before.
    quick : bool
        Whether what it names is proof and costs no more than a pass over the data.
    suspects : bool
        Whether all that it names is only suspected, which stops nothing; the others run at the door of
        training.
    """

    kind: str
    title: str
    find: Function
    after: tuple[str, ...] = ()
    quick: bool = False
    suspects: bool = False


CHECKS: dict[str, Check] = {}


def check(
    kind: str, title: str, *, after: tuple[str, ...] = (), quick: bool = False, suspects: bool = False
) -> Callable[[Function], Function]:
    """Register a function as a check.

    Raises
    ------
    InputError
        If the kind is taken.
    """

    def register(find: Function) -> Function:
        if kind in CHECKS:
            raise InputError(f"There is already a check {kind!r}.", "Give it another name.")
        CHECKS[kind] = Check(kind, title, find, after, quick, suspects)
        return find

    return register


def list_proofs() -> tuple[str, ...]:
    """Return the kinds of check that can prove a fault, which training looks for."""
    return tuple(kind for kind, each in CHECKS.items() if not each.suspects)


def order_checks(kinds: Iterable[str]) -> list[Check]:
    """Return checks so that each comes after those that it names.

    Raises
    ------
    InputError
        If a kind is unknown.
    """
    wanted = list(kinds)
    unknown = sorted(set(wanted) - set(CHECKS))
    if unknown:
        raise InputError(f"There is no check {unknown}.", f"There are: {', '.join(sorted(CHECKS))}.")
    ordered: list[Check] = []

    def place(kind: str) -> None:
        found = CHECKS[kind]
        if found not in ordered:
            for before in found.after:
                if before in wanted:
                    place(before)
            ordered.append(found)

    for kind in wanted:
        place(kind)
    return ordered


def import_science(module: str) -> Any:
    """Import a part of scikit-learn or SciPy.

    Raises
    ------
    UnavailableError
        If it is not installed; says what to install.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"This check needs {module.partition('.')[0]}.", 'Install it with: pip install "eocene[learn]"'
        ) from error
