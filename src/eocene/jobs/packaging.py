"""A process as an application package: a CWL document whose command is ``eocene run``.

Sources: Common Workflow Language v1.2; OGC Best Practice for Earth Observation Application Package
(OGC 20-089r1): a Workflow with the process's inputs around one CommandLineTool, products in and a
STAC catalogue out as folders. The image is a hint, so the same document runs with and without
containers.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from eocene._version import __version__
from eocene.jobs.applications import list_applications
from eocene.jobs.job import check_process, format_instant
from eocene.jobs.own_processes import find_called
from eocene.model import InputError
from eocene.model.files import write_json
from eocene.process.graph import load_graph
from eocene.process.output.stac import ResultInfo
from eocene.process.strict_json import read_json_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MEDIA_TYPE = "application/cwl+json"
IMAGE = f"eocene:{__version__}"
_TYPES = {"string": "string", "number": "double", "integer": "long", "boolean": "boolean"}
_ID = re.compile(r"[A-Za-z_][\w\-]{0,99}", re.ASCII)
_GRAPH = "graph.json"


def make_package(
    process: dict[str, Any], name: str, processes: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the CWL document of a process.

    Parameters
    ----------
    process : dict
        ``{"process_graph": …, "parameters": […]}``; the parameters become inputs, what is no plain value as
        JSON text.
    name : str
        Id of the workflow: letters, digits, ``_`` and ``-``.
    processes : mapping, optional
        User-defined processes by name; those that the graph calls go along.

    Raises
    ------
    InputError
        If there is no process graph, or the name or a parameter cannot be one in CWL.
    """
    graph = check_process(process)["process_graph"]
    if not _ID.fullmatch(name):
        raise _wrong(f"the name {name[:60]!r} is none", "Use letters, digits, _ and -, and no digit first.")
    parameters = [_check_parameter(p) for p in process.get("parameters") or []]
    carried = {"process_graph": graph, "parameters": parameters}
    if called := find_called(graph, processes or {}):
        carried["processes"] = called
    inputs = {p["name"]: _describe_input(p) for p in parameters} | _folders({p["name"] for p in parameters})
    tool = _make_tool(carried, inputs)
    workflow = {
        "class": "Workflow",
        "id": name,
        "label": str(process.get("summary") or name),
        "doc": str(process.get("description") or process.get("summary") or name),
        "inputs": {key: _unbind(value) for key, value in inputs.items()},
        "outputs": {"results": {"type": "Directory", "outputSource": "run/results"}},
        "steps": {"run": {"run": "#run-graph", "in": {key: key for key in inputs}, "out": ["results"]}},
    }
    return {
        "cwlVersion": "v1.2",
        "$namespaces": {"s": "https://schema.org/"},
        "s:softwareVersion": __version__,
        "$graph": [workflow, tool],
    }


def write_package(package: dict[str, Any]) -> str:
    """Return the document as JSON, which is YAML, too."""
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"


def read_process(path: Path) -> dict[str, Any]:
    """Return the process that a file holds: a flat graph, a process with parameters, or a request.

    Where there is no such file, the name of an application will do.

    Raises
    ------
    InputError
        If it is no JSON, or has no graph.
    """
    if not path.exists() and str(path) in list_applications():
        return list_applications()[str(path)]
    document = read_json_file(path, f"The graph file {path.name!r}")
    if not isinstance(document, dict):
        raise InputError(
            f"The graph file {path.name!r} holds no JSON object.",
            "Give a process graph.",
            code="ProcessGraphMissing",
        )
    if isinstance(document.get("process"), dict) and "process_id" not in document["process"]:
        document = document["process"]
    graph = document.get("process_graph")
    # A flat graph may have a node of this name.
    is_process = isinstance(graph, dict) and "process_id" not in graph
    return check_process(document) if is_process else {"process_graph": load_graph(document)}


def fill_parameters(process: dict[str, Any], given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the values of a process's parameters: its defaults, and what was given as text.

    A text is read as JSON if it is any, but where the process says that it wants a string.
    """
    listed = {p["name"]: p for p in process.get("parameters") or [] if isinstance(p, dict) and "name" in p}
    values = {name: p["default"] for name, p in listed.items() if "default" in p}
    for name, text in given:
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        is_text = _type_of(listed.get(name, {})) == "string" and not isinstance(value, str)
        values[name] = text if is_text else value
    return values


def describe_results(name: str, values: dict[str, Any]) -> ResultInfo:
    """Return what the STAC documents of a run without a job say of it."""
    return ResultInfo(name, name, format_instant(time.time()), values)


def write_catalogue(folder: Path) -> None:
    """Write ``catalog.json`` above the collection of a result, where runners look for it."""
    links = [{"rel": "child", "href": "./collection.json", "type": "application/json"}]
    document = {
        "type": "Catalog",
        "stac_version": "1.1.0",
        "id": "results",
        "description": "Results of a run.",
    }
    write_json(folder / "catalog.json", document | {"links": links})


def _make_tool(carried: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
    # In JSON a dollar can be spelled so that CWL finds no expression in the graph.
    text = json.dumps(carried).replace("$", "\\u0024")
    return {
        "class": "CommandLineTool",
        "id": "run-graph",
        "baseCommand": ["eocene", "run"],
        "arguments": [_GRAPH, "--output", "results"],
        "requirements": {
            "InitialWorkDirRequirement": {"listing": [{"entryname": _GRAPH, "entry": text}]},
            "NetworkAccess": {"networkAccess": False},
        },
        "hints": {"DockerRequirement": {"dockerPull": IMAGE}},
        "inputs": inputs,
        "outputs": {"results": {"type": "Directory", "outputBinding": {"glob": "results"}}},
    }


def _describe_input(parameter: dict[str, Any]) -> dict[str, Any]:
    name = parameter["name"]
    kind = _TYPES.get(_type_of(parameter), "string")
    binding = {"prefix": "--parameter", "valueFrom": f"{name}=$(self)"}
    has_default = "default" in parameter
    described: dict[str, Any] = {
        "type": ["null", kind] if has_default or parameter.get("optional") else kind,
        "doc": str(parameter.get("description") or name),
        "inputBinding": binding,
    }
    if has_default and parameter["default"] is not None:
        value = parameter["default"]
        is_plain = isinstance(value, str) or (kind != "string" and not isinstance(value, dict | list))
        described["default"] = value if is_plain else json.dumps(value)
    return described


def _folders(taken: set[str]) -> dict[str, Any]:
    """Return the inputs for data: products that are staged in, or a workspace that is there."""
    folders = {"type": "array", "items": "Directory", "inputBinding": {"prefix": "--data"}}
    wanted = {
        "products": {
            "type": ["null", folders],
            "doc": "Folders with products or STAC catalogues, brought into a workspace for the run.",
        },
        "workspace": {
            "type": ["null", "Directory"],
            "doc": "A workspace that holds the collections of the graph.",
            "inputBinding": {"prefix": "--workspace"},
        },
    }
    return {f"{name}_" if name in taken else name: described for name, described in wanted.items()}


def _unbind(value: Any) -> Any:
    """Return an input without what only a tool may say of it."""
    if isinstance(value, dict):
        return {key: _unbind(inner) for key, inner in value.items() if key != "inputBinding"}
    return [_unbind(inner) for inner in value] if isinstance(value, list) else value


def _type_of(parameter: dict[str, Any]) -> Any:
    schema = parameter.get("schema")
    return schema.get("type") if isinstance(schema, dict) else None


def _check_parameter(parameter: Any) -> dict[str, Any]:
    name = parameter.get("name") if isinstance(parameter, dict) else None
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise _wrong(f"the parameter {str(name)[:60]!r} cannot be an input", "Rename it: letters, digits, _.")
    return dict(parameter)


def _wrong(why: str, remedy: str) -> InputError:
    return InputError(f"The process cannot be packaged: {why}.", remedy, code="ProcessGraphInvalid")
