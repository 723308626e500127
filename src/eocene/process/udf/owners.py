"""Whose code it is: each plan has processes of its own, and the files are those of who asked for it."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch.door import Door
from eocene.model import DamageError, InputError, NotFoundError
from eocene.process import registry
from eocene.process.graph import Graph, Node, ParameterRef
from eocene.process.loads.files import resolve_upload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eocene.archive import Archive

LOGGER = logging.getLogger("eocene.inspect")
"""What users want to see of their computation; a job keeps it in its log."""
_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO}
_PROCESS = "run_udf"
_MOST_CODE = 1 << 20
"""Bytes of the source of a function."""


def log_line(level: str, text: str, code: str) -> None:
    """Log a line that code of a user has printed."""
    LOGGER.log(_LEVELS.get(level, logging.INFO), "[%s] %s", code, text, extra={"code": code})


@dataclass(frozen=True, eq=False)
class UdfOwner:
    """Stands for one plan; its processes end with it.

    Parameters
    ----------
    token : str
        Names the processes of the plan; no two plans have the same.
    """

    token: str = field(default_factory=lambda: secrets.token_hex(16))


class UdfCode(str):
    """The source of a user-defined function, and whose it is."""

    __slots__ = ("owner",)
    owner: UdfOwner

    @classmethod
    def of(cls, text: str, owner: UdfOwner) -> UdfCode:
        """Return source with its owner."""
        code = cls(text)
        code.owner = owner
        return code

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the owner when a plan goes to another process."""
        return UdfCode.of, (str(self), self.owner)


def owner_of(code: str) -> UdfOwner:
    """Return whose code it is; code that only appeared while computing belongs to nobody else."""
    return code.owner if isinstance(code, UdfCode) else UdfOwner()


def bind_code(graph: Graph, scope: Mapping[str, Any], archive: Archive | None) -> Graph:
    """Return the graph with the code of each ``run_udf`` fetched and given its owner, once for a plan.

    Parameters
    ----------
    graph : Graph
        The parsed graph; callbacks in it are bound, too.
    scope : mapping
        Values of its parameters.
    archive : Archive, optional
        Whose account's uploaded files, and door, are meant.

    Raises
    ------
    InputError, NotFoundError
        If ``run_udf`` is not offered, there is no such file, or the address must not be opened.
    """
    call = next(_find_calls(graph), None)
    if call is None:
        return graph
    registry.get(_PROCESS, call.id)
    return _bind_graph(graph, scope, UdfOwner(), archive)


def _find_calls(value: Any) -> Iterator[Node]:
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, Graph):
            yield from (n for n in current.nodes if n.process == _PROCESS and n.namespace != "user")
            pending.extend(n.arguments for n in current.nodes)
        elif isinstance(current, dict):
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)


def _bind_graph(graph: Graph, scope: Mapping[str, Any], owner: UdfOwner, archive: Archive | None) -> Graph:
    nodes = []
    for node in graph.nodes:
        arguments = {k: _bind_inside(v, scope, owner, archive) for k, v in node.arguments.items()}
        udf = arguments.get("udf")
        if node.process == _PROCESS:
            udf = scope.get(udf.name, udf) if isinstance(udf, ParameterRef) else udf
            if isinstance(udf, str) and not isinstance(udf, UdfCode):
                arguments["udf"] = UdfCode.of(_find_source(udf, archive), owner)
        nodes.append(replace(node, arguments=arguments))
    return replace(graph, nodes=tuple(nodes))


def _bind_inside(value: Any, scope: Mapping[str, Any], owner: UdfOwner, archive: Archive | None) -> Any:
    if isinstance(value, Graph):
        return _bind_graph(value, scope, owner, archive)
    if isinstance(value, dict):
        return {k: _bind_inside(v, scope, owner, archive) for k, v in value.items()}
    if isinstance(value, list):
        return [_bind_inside(v, scope, owner, archive) for v in value]
    return value


def _find_source(text: str, archive: Archive | None) -> str:
    """Return inline code as it is, and what a file or an address holds."""
    if "\n" in text or "\r" in text or not text.strip():
        return text
    if "://" in text:
        return _fetch(text, archive.door() if archive else Door.of(()))
    if archive is None:
        raise NotFoundError(
            f"There is no file {text!r}: without a workspace there are no uploaded files.",
            "Give the code itself, of more than one line.",
            code="FileNotFound",
        )
    with resolve_upload(archive, text).open("rb") as file:
        return _decode(file.read(_MOST_CODE + 1), text)


def _fetch(address: str, door: Door) -> str:
    if not address.lower().startswith(("https://", "http://")):
        raise InputError(
            f"{address!r} is no address of the web.", "Use https.", code="ProcessParameterInvalid"
        )
    small = replace(door, limits=replace(door.limits, document_bytes=_MOST_CODE))
    try:
        return _decode(small.get_bytes(address), address)
    except DamageError as error:  # the user's address is at fault, not our storage
        raise InputError(error.message, error.remedy, code="ProcessParameterInvalid") from error


def _decode(content: bytes, name: str) -> str:
    if len(content) > _MOST_CODE:
        raise InputError(f"{name!r} holds more than {_MOST_CODE:,} bytes of code.", "Shorten it.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{name!r} is no text in UTF-8.", "Name a file of Python.") from error
