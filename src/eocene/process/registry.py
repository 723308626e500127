"""The list of processes. Each is one function; its openEO description is made from its signature.

A process is three small functions, two of which nearly always have a default:

``compute``
    arrays in → array out: the function itself.
``infer``
    schemas in → schema out; by default ``compute`` on one pixel of each input, which finds every
    error in the arguments before anything is read.
``need``
    window out → window in; by default the window itself.
"""

from __future__ import annotations

import inspect
import pkgutil
import reprlib
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import entry_points
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError
from eocene.process import processes
from eocene.process.allowance import spend
from eocene.process.description import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eocene.model import Grid

ENTRY_POINTS = "eocene.processes"
_definitions: dict[str, ProcessDefinition] = {}
_withheld: dict[str, str] = {}


@dataclass(frozen=True)
class ProcessDefinition:
    """One process.

    Parameters
    ----------
    id : str
        Its openEO name.
    compute : callable
        Takes the arguments by name, cubes as :class:`~eocene.cube.block.Block`.
    categories : tuple of str
        openEO categories.
    kind : str
        "window" (arrays in, array out), "source" (makes a source of pixels), "global" (reads its
        inputs itself, window by window, through a CubeReader) or "late" (a value that is made when the plan
        runs, never while it is checked; the function then gives its form).
    grid : callable, optional
        (arguments with schemas in place of cubes) → the Grid of the result; default that of the inputs.
    need : callable, optional
        (grid of the window, arguments) → the grid wanted of every input; default the same.
    times : callable, optional
        (labels wanted along t, arguments) → labels wanted of every input, None for all; default all.
    whole : callable or bool
        Whether, by its arguments, the function needs the whole extent of its inputs at once.
    unread : callable or tuple of str
        Parameters, by its arguments, whose cubes only lend their form: the function gets one pixel of them.
    heavy : callable, optional
        (arguments) → the bytes that a pixel of what it is given takes beside that, where it is much: blocks
        are large then, and are handed in uncut.
    experimental : bool
        Whether openEO only proposes the process, so that it may change.
    absent : tuple of str
        Parameters that openEO requires and that may be left out here; null is meant then.
    nodata : tuple of str
        Parameters that take null here, for no-data, which openEO does not say.
    """

    id: str
    compute: Callable[..., Any]
    categories: tuple[str, ...] = ()
    kind: str = "window"
    grid: Callable[[dict[str, Any]], Grid] | None = None
    need: Callable[[Grid, dict[str, Any]], Grid] | None = None
    times: Callable[[tuple[Any, ...], dict[str, Any]], tuple[Any, ...] | None] | None = None
    whole: Callable[[dict[str, Any]], bool] | bool = False
    unread: Callable[[dict[str, Any]], tuple[str, ...]] | tuple[str, ...] = ()
    heavy: Callable[[dict[str, Any]], int] | None = None
    experimental: bool = False
    absent: tuple[str, ...] = ()
    nodata: tuple[str, ...] = ()
    spec: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "spec", describe(self))

    @cached_property
    def _python_names(self) -> dict[str, str]:
        """OpenEO parameter name → name in Python, where a keyword ends in an underscore."""
        return {name.rstrip("_"): name for name in inspect.signature(self.compute).parameters}

    @cached_property
    def engine_names(self) -> frozenset[str]:
        """What the function wants of the engine: parameters that start with an underscore."""
        return frozenset(n for n in inspect.signature(self.compute).parameters if n.startswith("_"))

    def is_whole(self, arguments: dict[str, Any]) -> bool:
        """Tell whether a call with these arguments needs the whole extent of its inputs."""
        return self.whole(arguments) if callable(self.whole) else self.whole

    def weigh(self, arguments: dict[str, Any]) -> int:
        """Return the bytes that a pixel takes while such a call is computed, if it is much; else 0."""
        return self.heavy(arguments) if self.heavy is not None else 0

    def find_unread(self, arguments: dict[str, Any]) -> set[str]:
        """Return the parameters of a call with these arguments whose cubes are not read."""
        return set(self.unread(arguments) if callable(self.unread) else self.unread)

    def call(self, arguments: dict[str, Any], **engine: Any) -> Any:
        """Call the function with openEO's names, and what the engine hands in."""
        given = {self._python_names[k]: v for k, v in arguments.items()}
        with np.errstate(all="ignore"):  # infinity and NaN are answers, not accidents
            return spend(self.compute(**given, **engine))

    def misused(self, node: str, error: Exception) -> InputError:
        """Return the user's error behind what the function raised on arguments that it cannot work with."""
        return InputError(
            f"Process {self.id!r} in node {node!r} cannot work with its arguments: {error}.",
            "Check their types against GET /processes.",
            code="ProcessParameterInvalid",
        )

    def check_arguments(self, arguments: dict[str, Any], node: str) -> dict[str, Any]:
        """Return the arguments with defaults filled in, or raise naming the node and the parameter."""
        for fault in self.find_faults(arguments, node):
            raise fault
        defaults = {p["name"]: p.get("default") for p in self.spec["parameters"]}
        return arguments | {name: value for name, value in defaults.items() if name not in arguments}

    def find_faults(self, arguments: dict[str, Any], node: str) -> Iterator[InputError]:
        """Yield what is wrong with arguments: unknown parameters, wrong types, those that are missing."""
        known = {p["name"]: p for p in self.spec["parameters"]}
        for name, value in arguments.items():
            if name not in known:
                yield InputError(
                    f"Process {self.id!r} in node {node!r} has no parameter {name!r}.",
                    f"Its parameters are {', '.join(known)}.",
                    code="ProcessParameterUnsupported",
                )
            elif not (_fits(value, known[name]) or (value is None and name in self.nodata)):
                yield InputError(
                    f"The parameter {name} is {shorten(_SHORT.repr(value), 80)} in node {node!r}, {self.id}.",
                    f"It must be {_name_types(known[name]['schema'])}.",
                    code="ProcessParameterInvalid",
                )
        for name, parameter in known.items():
            if name not in arguments and not parameter.get("optional") and name not in self.absent:
                yield InputError(
                    f"Process {self.id!r} in node {node!r} lacks the parameter {name!r}.",
                    f"{parameter['description']}",
                    code="ProcessParameterRequired",
                )


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
_JSON_TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "integer": lambda v: isinstance(v, int | float) and not isinstance(v, bool) and float(v).is_integer(),
    "string": lambda v: isinstance(v, str),
    "array": lambda v: isinstance(v, list | tuple),
    "object": lambda v: isinstance(v, dict),
}


def _type_names(schema: Any) -> list[str]:
    """Return the JSON types that a schema allows; none if it allows all."""
    parts = schema if isinstance(schema, list) else [schema]
    # What a model is, only the process that uses it can tell.
    found = [[] if part.get("subtype") == "ml-model" else part.get("type", []) for part in parts]
    return [] if [] in found else [name for f in found for name in ([f] if isinstance(f, str) else f)]


def _name_types(schema: Any) -> str:
    return " or ".join(_type_names(schema))


def _fits(value: Any, parameter: dict[str, Any]) -> bool:
    """Tell whether a plain JSON value is of a type that the parameter takes; cubes are not judged here."""
    names = _type_names(parameter["schema"])
    is_plain = value is None or isinstance(value, bool | int | float | str | list | tuple | dict)
    if not names or not is_plain or (parameter.get("optional") and value == parameter["default"]):
        return True
    return any(_JSON_TYPES[name](value) for name in names)


def process(*categories: str, **form: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function as the process of its name (a trailing underscore dropped).

    Parameters
    ----------
    *categories : str
        As openEO has them.
    **form
        What else :class:`ProcessDefinition` takes, from ``kind`` on.
    """

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        register(ProcessDefinition(function.__name__.rstrip("_"), function, categories, **form))
        return function

    return wrap


def register(definition: ProcessDefinition) -> None:
    """Add a process, or replace the one of its name."""
    _definitions[definition.id] = definition


def withdraw(name: str) -> None:
    """Take a process off the list, if it is there."""
    _definitions.pop(name, None)


def withhold(name: str, reason: str) -> None:
    """Let those who ask for a process that is not there know why."""
    _withheld[name] = reason


@cache
def _load() -> None:
    """Import, once, what brings processes: the families of the engine, and other packages."""
    for family in pkgutil.iter_modules(processes.__path__):
        import_module(f"eocene.process.processes.{family.name}")
    for plugin in entry_points(group=ENTRY_POINTS):
        plugin.load()


def get(name: str, node: str = "") -> ProcessDefinition:
    """Return a process.

    Raises
    ------
    InputError
        ProcessUnsupported, with the names that come near.
    """
    _load()
    if name not in _definitions and name in _withheld:
        raise InputError(
            f"The process {name!r}{f' (node {node!r})' if node else ''} is not offered: {_withheld[name]}",
            "GET /processes lists those there are.",
            code="ProcessUnsupported",
        )
    if name not in _definitions:
        near = get_close_matches(name, _definitions, n=3)
        where = f" in node {node!r}" if node else ""
        raise InputError(
            f"There is no process {name!r}{where}.",
            f"Did you mean {', '.join(near)}?" if near else "GET /processes lists those there are.",
            code="ProcessUnsupported",
        )
    return _definitions[name]


def specs() -> list[dict[str, Any]]:
    """Return the openEO descriptions of all processes, by name."""
    _load()
    return [_definitions[name].spec for name in sorted(_definitions)]
