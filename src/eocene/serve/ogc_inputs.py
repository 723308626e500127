"""Requests to execute: inputs become arguments of the process, and what is wanted of the results is read."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import Limits
from eocene.model import InputError
from eocene.process.strict_json import read_json
from eocene.serve.ogc_documents import RESULTS, is_box, is_required, list_schemas

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.archive import Archive

_LIMITS = Limits(connect_s=5.0, stall_s=10.0, total_s=30.0, attempts=2, document_bytes=16 * 2**20)
_KINDS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: value.is_integer() if isinstance(value, float) else type(value) is int,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}
_CRS = re.compile(r"(?:EPSG:|.*/EPSG/[^/]*/)(\d{4,6})")
_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_CORNERS = {4: ("west", "south", "east", "north"), 6: ("west", "south", "base", "east", "north", "height")}


@dataclass(frozen=True)
class Execution:
    """How a process was asked for.

    ``response`` is raw or document, ``transmission`` value or reference.
    """

    process: str
    response: str = "raw"
    transmission: str = "value"

    @classmethod
    def of_request(cls, process: str, body: dict[str, Any]) -> Execution:
        """Read the body of a request; raises InputError for what is not offered."""
        if body.get("subscriber") is not None:
            raise _wrong("it has a subscriber", "Ask for the job's status, or let a rule tell its end.")
        outputs = body.get("outputs") or {}
        if not isinstance(outputs, dict) or set(outputs) - {RESULTS}:
            raise _wrong("it asks for an output that there is not", f"The one output is {RESULTS!r}.")
        wanted = outputs.get(RESULTS) or {}
        if not isinstance(wanted, dict):
            raise _wrong("an output is no object", 'Send {"transmissionMode": "value"}, or nothing.')
        form = wanted.get("format") or {}
        if not isinstance(form, dict) or form.get("mediaType") not in (None, "application/json"):
            raise _wrong("it asks for another format", "The results are a STAC collection, application/json.")
        return cls(
            process,
            _choose(body, "response", ("raw", "document")),
            _choose(wanted, "transmissionMode", ("value", "reference")),
        )

    @classmethod
    def of_job(cls, kept: dict[str, Any]) -> Execution:
        """Read what a job keeps; a job of openEO is shown as if nothing had been chosen."""
        known = {key: str(kept[key]) for key in cls.__dataclass_fields__ if key in kept}
        return cls(**({"process": ""} | known))

    def to_dict(self) -> dict[str, str]:
        """Return what a job keeps."""
        return asdict(self)


def read_inputs(process: dict[str, Any], inputs: Any, archive: Archive) -> dict[str, Any]:
    """Return the arguments that the inputs of a request mean, by the names of parameters.

    Parameters
    ----------
    process : dict
        With its parameters.
    inputs : dict
        Values, qualified values (``{"value": …}``), boxes or links, which the one door fetches.
    archive : Archive
        Whose door.

    Raises
    ------
    InputError
        If one is missing, unknown or of another type than its description says.
    """
    listed = {p["name"]: p for p in process.get("parameters") or []}
    given = {} if inputs is None else inputs
    if not isinstance(given, dict):
        raise _wrong("its inputs are no object", "Send the inputs by their names.")
    for name in given:
        if name not in listed:
            known = f"The inputs are {', '.join(listed)}." if listed else "It takes none."
            raise _wrong(f"there is no input {name[:60]!r}", known, "ProcessParameterUnsupported")
    for name, parameter in listed.items():
        if name not in given and is_required(parameter):
            raise _wrong(f"the input {name!r} is missing", "Give it.", "ProcessParameterRequired")
    return {name: _read_input(listed[name], value, archive) for name, value in given.items()}


def _read_input(parameter: dict[str, Any], given: Any, archive: Archive) -> Any:
    value = given
    if isinstance(given, dict) and "href" in given:
        value = _fetch(parameter, given["href"], archive)
    elif isinstance(given, dict) and "value" in given:
        value = given["value"]
    if isinstance(value, dict) and "bbox" in value and is_box(parameter):
        value = _read_box(value)
    kinds = _list_kinds(parameter)
    if kinds and not any(_KINDS[kind](value) for kind in kinds):
        name = parameter["name"]
        raise _wrong(f"the input {name!r} has a wrong type", f"Give {' or '.join(sorted(kinds))}.")
    return value


def _list_kinds(parameter: dict[str, Any]) -> set[str]:
    """Return the JSON types that a parameter may have; none for any."""
    kinds: set[str] = set()
    for schema in list_schemas(parameter):
        said = schema.get("type")
        if said is None:
            return set()
        kinds |= set(said if isinstance(said, list) else [said]) & _KINDS.keys()
    return kinds


def _fetch(parameter: dict[str, Any], href: Any, archive: Archive) -> Any:
    """Return what a link leads to: JSON, or a text where the parameter is one."""
    if not isinstance(href, str):
        raise _wrong("the href of an input is no text", "Give an http or https address.")
    content = replace(archive.door(), limits=_LIMITS).get_bytes(href)
    if _list_kinds(parameter) == {"string"}:
        return content.decode("utf-8", "replace")
    return read_json(content, f"The input {parameter['name']!r}", code="InvalidParameterValue")


def _read_box(value: dict[str, Any]) -> dict[str, Any]:
    numbers, crs = value["bbox"], value.get("crs") or _CRS84
    names = _CORNERS.get(len(numbers)) if isinstance(numbers, list) else None
    if names is None or not all(_KINDS["number"](number) for number in numbers):
        raise _wrong("a bbox has neither 4 nor 6 numbers", "Give [west, south, east, north].")
    box = dict(zip(names, numbers, strict=True))
    if crs == _CRS84:
        return box
    code = _CRS.fullmatch(crs) if isinstance(crs, str) else None
    if code is None:
        raise _wrong(f"the CRS {str(crs)[:80]!r} of a bbox is unknown", f"Give {_CRS84}, or one of EPSG.")
    return box | {"crs": int(code[1])}


def _choose(place: dict[str, Any], name: str, known: tuple[str, ...]) -> str:
    value = place.get(name, known[0])
    if value not in known:
        raise _wrong(f"its {name} is {str(value)[:40]!r}", f"Give {' or '.join(known)}.")
    return str(value)


def _wrong(why: str, remedy: str, code: str = "InvalidParameterValue") -> InputError:
    return InputError(f"The process cannot be executed: {why}.", remedy, code=code)
