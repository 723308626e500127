"""What openEO is told of a process: made from the signature and the docstring of its function."""

from __future__ import annotations

import inspect
import re
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eocene.process.registry import ProcessDefinition


def describe(definition: ProcessDefinition) -> dict[str, Any]:
    """Make the openEO description of a process from its signature and docstring."""
    function = definition.compute
    text = parse_docstring(inspect.getdoc(function) or "")
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name.startswith("_"):
            continue  # handed in by the engine
        entry: dict[str, Any] = {
            "name": name.rstrip("_"),
            "description": text.parameters.get(name, name),
            "schema": _schema_of(hints.get(name)),
        }
        if parameter.default is not inspect.Parameter.empty and name not in definition.absent:
            default = parameter.default
            entry |= {"optional": True, "default": list(default) if isinstance(default, tuple) else default}
        parameters.append(entry)
    spec: dict[str, Any] = {
        "id": definition.id,
        "summary": text.summary,
        "description": text.description,
        "categories": list(definition.categories),
        "parameters": parameters,
        "returns": {"description": text.returns, "schema": _schema_of(hints.get("return"))},
    }
    if text.raises:
        spec["exceptions"] = {code: {"message": message} for code, message in text.raises.items()}
    if definition.experimental:
        spec["experimental"] = True
    return spec


def _schema_of(hint: Any) -> Any:
    for extra in getattr(hint, "__metadata__", ()):
        if isinstance(extra, dict | list):
            return extra
    return {}


@dataclass(frozen=True)
class Docstring:
    """The parts of a numpydoc text that openEO wants."""

    summary: str
    description: str
    parameters: dict[str, str]
    returns: str
    raises: dict[str, str]
    """openEO error code → when; Python's own errors are not openEO's."""


def parse_docstring(text: str) -> Docstring:
    """Split a numpydoc text into summary, description, parameters, returns and raises."""
    sections: dict[str, list[str]] = {"": []}
    current = ""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if re.fullmatch(r"-{3,}", line.strip()):
            continue
        if number + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[number + 1].strip()):
            current = line.strip()
            sections[current] = []
            continue
        sections[current].append(line)
    head = "\n".join(sections[""]).strip()
    summary = head.split("\n\n")[0].replace("\n", " ")
    return Docstring(
        summary.rstrip("."),
        head,
        _parse_entries(sections.get("Parameters", [])),
        " ".join(" ".join(sections.get("Returns", [])).split()) or summary,
        {k: v for k, v in _parse_entries(sections.get("Raises", [])).items() if not k.endswith("Error")},
    )


def _parse_entries(lines: list[str]) -> dict[str, str]:
    entries: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        if line.strip() and not line.startswith(" "):
            name = line.split(":")[0].strip()
            entries[name] = []
        elif name:
            entries[name].append(line.strip())
    return {key: " ".join(part for part in parts if part) for key, parts in entries.items()}
