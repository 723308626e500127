"""What can be checked of a process whose parameters have no values yet: its description and its calls."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from eocene.model import EoceneError, InputError
from eocene.process import registry
from eocene.process.graph import Graph, ParameterRef, load_graph, parse_graph
from eocene.process.userdefined import UserProcesses, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME = re.compile(r"[\w-]{1,250}", re.ASCII)
"""Ids of processes: those of openEO (``\\w+``), and dashes, which clients use, too."""
_PARAMETER = re.compile(r"\w{1,250}")
_TEXTS = ("id", "summary", "description")
_OBJECTS = ("returns", "exceptions")
_LISTS = ("parameters", "categories", "examples", "links")
_FLAGS = ("deprecated", "experimental", "public")
_NULLABLE = ("id", "summary", "description", "parameters", "returns")


def check_description(process: Mapping[str, Any]) -> None:
    """Check what a process says of itself, beside its graph.

    Raises
    ------
    InputError
        ProcessInvalid, naming the property (source: openEO API 1.2.0, ``process``).
    """
    kinds = dict.fromkeys(_TEXTS, str) | dict.fromkeys(_OBJECTS, dict) | dict.fromkeys(_LISTS, list)
    for name, kind in (kinds | dict.fromkeys(_FLAGS, bool)).items():
        value = process.get(name)
        is_given = value is not None or (name in process and name not in _NULLABLE)
        if is_given and not isinstance(value, kind):
            raise _invalid(f"its property {name!r} is not of the type {kind.__name__}")
    if process.get("id") is not None and not NAME.fullmatch(process["id"]):
        raise _invalid("its id has characters other than letters, digits, _ and -")
    if process.get("returns") is not None and not _is_schema(process["returns"].get("schema")):
        raise _invalid("its return value has no schema")
    if not all(isinstance(category, str) for category in process.get("categories", ())):
        raise _invalid("one of its categories is not a text")
    names = [_check_parameter(parameter) for parameter in process.get("parameters") or ()]
    if len(set(names)) < len(names):
        raise _invalid("two of its parameters have the same name")


def _check_parameter(parameter: Any) -> str:
    if not isinstance(parameter, dict):
        raise _invalid("a parameter is not an object")
    name = parameter.get("name")
    if not isinstance(name, str) or not _PARAMETER.fullmatch(name):
        raise _invalid("a parameter has no name of letters, digits and _")
    if not isinstance(parameter.get("description", ""), str):
        raise _invalid(f"the description of its parameter {name!r} is not a text")
    if not _is_schema(parameter.get("schema")):
        raise _invalid(f"its parameter {name!r} has no schema")
    return name


def _is_schema(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and all(isinstance(entry, dict) for entry in value)
    )


def find_open_parameters(process: Mapping[str, Any]) -> set[str]:
    """Return the parameters that the graph of a process refers to and that have no value before a call.

    Those of callbacks get theirs from the process that calls back, unless the process lists them.
    """
    graph = parse_graph(load_graph(process["process_graph"]))
    listed = {p["name"]: p for p in process.get("parameters") or () if isinstance(p, dict) and "name" in p}
    direct = {ref.name for node in graph.nodes for ref in _references(node.arguments)}
    inner = {ref.name for node in walk(graph) for ref in _references(node.arguments)}
    return {
        name
        for name in direct | (inner & listed.keys())
        if name not in listed or "default" not in listed[name]
    }


def check_calls(process: Mapping[str, Any], processes: Mapping[str, Any]) -> None:
    """Check that the graph calls processes that there are, with parameters that these have.

    Raises
    ------
    InputError
        Every fault of its form, ProcessUnsupported, and ProcessParameter… naming the node.
    """
    for fault in find_call_faults(process, processes):
        raise fault


def find_call_faults(process: Mapping[str, Any], processes: Mapping[str, Any]) -> Iterator[EoceneError]:
    """Yield every fault that :func:`check_calls` raises the first of, node by node.

    Raises
    ------
    InputError
        If the graph has no form, so that there are no nodes to look at.
    """
    own = UserProcesses(processes)
    graph = parse_graph(load_graph(process["process_graph"]))
    own.check(graph)
    for node in walk(graph):
        try:
            if own.owns(node):
                own.bind(node.process, node.arguments, node.id)
            else:
                yield from registry.get(node.process, node.id).find_faults(dict(node.arguments), node.id)
        except EoceneError as error:
            yield error


def _references(value: Any) -> Iterator[ParameterRef]:
    """Yield the references to parameters in arguments, without those inside callbacks."""
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, ParameterRef):
            yield value
        elif isinstance(value, dict):
            pending.extend(value.values())
        elif isinstance(value, list) and not isinstance(value, Graph):
            pending.extend(value)


def _invalid(fault: str) -> InputError:
    return InputError(
        f"The process is invalid: {fault}.", "See openEO's schema of a process.", code="ProcessInvalid"
    )
