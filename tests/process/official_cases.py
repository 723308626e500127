"""openEO's own test cases: read, corrected where they contradict themselves, and compared with our results.

How the cases are read, beyond what their README says:

- ``from_argument`` is the former name of ``from_parameter``, and a callback may lack its wrapper
  ``process_graph``;
- a parameter that they call by another name than the specification (``OTHER_NAMES``) is that parameter;
- a list of ``{"key": …, "value": …}`` is a labelled array, a referenced file that is no JSON is its text, and
  dimensions without an order, or in a list, stand in the order in which they are written.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from eocene.model import EoceneError
from eocene.process import make_plan, registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

OTHER_NAMES = {"array_filter": {"process": "condition"}, "count": {"element": "x"}}
"""Process → the cases' name of a parameter → the specification's."""

ABSENT = object()
"""In a correction: the value is taken away."""


@dataclass(frozen=True)
class Case:
    """One test case of a process, by its position in the file."""

    process: str
    number: int
    test: Mapping[str, Any]
    folder: Path = field(repr=False)

    def run(self) -> str | None:
        """Return None if we give what is expected, else what we gave."""
        missing = {self.process, *self.test.get("required", ())} - {s["id"] for s in registry.specs()}
        if missing:
            return f"there is no process {', '.join(sorted(missing))}"
        throws = self.test.get("throws", False)
        try:
            test = resolve(self.test, self.folder)
            found = run_process(self.process, test["arguments"])
        except EoceneError as error:
            return None if throws in (True, error.code) else f"{error.code}: {error.message}"
        except OSError as error:
            return str(error)
        if "returns" not in test:
            return f"no error {throws} but {show(found)}"
        if is_equal(found, test["returns"], test.get("delta", 1e-10)):
            return None
        return f"{show(found)} instead of {show(test['returns'])}"

    def corrected(self, changes: Mapping[str, Any]) -> Case:
        """Return the case with some of its values, given by their path, replaced or changed by a function."""
        test = json.loads(json.dumps(self.test))
        for path, value in changes.items():
            *parents, last = path.split("/")
            place: Any = test
            for parent in parents:
                key = int(parent) if isinstance(place, list) else parent
                place[key] = _open(place[key], self.folder)
                place = place[key]
            if value is ABSENT:
                del place[last]
            else:
                key = int(last) if isinstance(place, list) else last
                place[key] = value(place[key]) if callable(value) else value
        return replace(self, test=test)


def read_cases(folder: Path) -> Iterator[Case]:
    """Yield every case there is."""
    for path in sorted(folder.glob("*.json5")):
        for number, test in enumerate(read_json5(path)["tests"]):
            yield Case(path.stem, number, test, folder)


_IGNORED = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)
"""Texts, which stay, and what the files have beyond JSON as Python reads it: comments, trailing commas."""


@cache
def read_json5(path: Path) -> Any:
    """Read a file of the cases."""
    return json.loads(_IGNORED.sub(lambda match: match[1] or "", path.read_text(encoding="utf-8")))


def resolve(value: Any, folder: Path) -> Any:
    """Replace ``{"$ref": file}`` by what the file holds, everywhere."""
    value = _open(value, folder)
    if isinstance(value, dict):
        return {k: resolve(v, folder) for k, v in value.items()}
    return [resolve(v, folder) for v in value] if isinstance(value, list) else value


def _open(value: Any, folder: Path) -> Any:
    if not (isinstance(value, dict) and set(value) == {"$ref"}):
        return value
    path = folder / value["$ref"]
    return deepcopy(read_json5(path)) if path.suffix == ".json5" else path.read_text(encoding="utf-8")


def run_process(process: str, arguments: Mapping[str, Any]) -> Any:
    """Run a graph of this process alone, its arguments handed in as parameters; a cube with its types."""
    names = OTHER_NAMES.get(process, {})
    given = {names.get(k, k): v for k, v in arguments.items()}
    graphs = {k: _rename(_graph_of(v), names) for k, v in given.items() if _graph_of(v) is not None}
    parameters = {k: to_parameter(v) for k, v in given.items() if k not in graphs}
    node = {
        "process_id": process,
        "arguments": {
            k: {"process_graph": graphs[k]} if k in graphs else {"from_parameter": k} for k in given
        },
        "result": True,
    }
    plan = make_plan({"only": node}, None, parameters)
    found, form = plan.run(), getattr(plan.nodes.result, "probe", plan.nodes.result)
    return (found, {d: form.kind_of(d) for d in found.dims}) if isinstance(found, xr.DataArray) else found


def _graph_of(value: Any) -> Any:
    """Return the nodes of a callback; None if the value is none."""
    graph = value.get("process_graph", value) if isinstance(value, dict) else {}
    is_graph = graph and all(isinstance(node, dict) and "process_id" in node for node in graph.values())
    return graph if is_graph else None


def _rename(graph: Any, names: Mapping[str, str]) -> Any:
    """Write references to parameters by the names of today."""
    if isinstance(graph, dict):
        for reference in ("from_argument", "from_parameter"):
            if set(graph) == {reference}:
                return {"from_parameter": names.get(graph[reference], graph[reference])}
        return {k: _rename(v, names) for k, v in graph.items()}
    return [_rename(v, names) for v in graph] if isinstance(graph, list) else graph


def to_parameter(value: Any) -> Any:
    """Turn a value of a test case into what people hand in."""
    if isinstance(value, list):
        return to_labelled(value) if _is_labelled(value) else [to_parameter(v) for v in value]
    if not isinstance(value, dict):
        return value
    readers: dict[Any, Callable[[Any], Any]] = {
        "nodata": lambda _: None,
        "datetime": lambda v: v["value"],
        "datacube": to_cube,
        "labeled-array": lambda v: to_labelled(v["data"]),
    }
    reader = readers.get(value.get("type"), lambda v: {k: to_parameter(w) for k, w in v.items()})
    return reader(value)


def _is_labelled(value: Any) -> bool:
    return bool(value) and all(isinstance(v, dict) and set(v) == {"key", "value"} for v in value)


def to_labelled(entries: list[dict[str, Any]]) -> xr.DataArray:
    """Return a labelled array, in which None is no-data and NaN a value."""
    values = np.array([to_parameter(e["value"]) for e in entries], dtype=object)
    return xr.DataArray(values, {"array": np.array([e["key"] for e in entries], dtype=object)}, ["array"])


def _dimensions(cube: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the dimensions of a cube in their order."""
    dimensions = cube["dimensions"]
    if isinstance(dimensions, list):
        dimensions = {d["name"]: d for d in dimensions}
    return {name: dimensions[name] for name in cube.get("order", dimensions)}


def to_cube(cube: Mapping[str, Any]) -> xr.DataArray:
    """Return a data cube of a test case, NaN where there is no data; zeros if the values do not matter."""
    dimensions = _dimensions(cube)
    sizes = [len(d["values"]) for d in dimensions.values()]
    data = np.zeros(sizes) if not cube.get("data") else np.array(cube["data"], float).reshape(sizes)
    for nodata in np.atleast_1d(np.array(cube.get("nodata", [np.nan]), float)):
        data[data == nodata] = np.nan
    coordinates = {name: _coordinate(d) for name, d in dimensions.items()}
    systems = [d["reference_system"] for d in dimensions.values() if "reference_system" in d]
    return xr.DataArray(data, coordinates, list(dimensions), attrs={"crs": systems[0]} if systems else {})


def _coordinate(dimension: Mapping[str, Any]) -> Any:
    """Return the labels of a dimension, dates as instants and periods, such as 2024-49, as texts."""
    labels = dimension["values"]
    is_time = dimension["type"] == "temporal" and all(len(str(label)) > 7 for label in labels)
    with suppress(ValueError):
        if is_time:
            return np.array([label.removesuffix("Z") for label in labels], "datetime64[ns]")
    return np.array(labels, dtype=None if dimension["type"] == "spatial" else object)


def is_equal(found: Any, expected: Any, delta: float) -> bool:
    """Compare numbers within a distance; no-data equals null, NaN equals NaN."""
    if isinstance(found, tuple):
        return _equal_arrays(*found, expected, delta)
    if isinstance(expected, dict) and expected.get("type") == "datetime":
        return isinstance(found, str) and _instant(found) == _instant(expected["value"])
    if isinstance(expected, dict) and expected.get("type") == "datacube":
        return not expected["dimensions"] and found is None  # a cube without dimensions that holds nothing
    wanted = to_parameter(expected)
    if isinstance(wanted, xr.DataArray):
        wanted = wanted.values.tolist() if found == [] else None
    if isinstance(wanted, list) and isinstance(found, list):
        pairs = zip(found, wanted, strict=False)
        return len(found) == len(wanted) and all(is_equal(f, w, delta) for f, w in pairs)
    if _is_number(wanted) and _is_number(found):
        return bool(np.isclose(found, wanted, rtol=0, atol=delta, equal_nan=True))
    return type(found) is type(wanted) and bool(found == wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _equal_arrays(found: xr.DataArray, kinds: Mapping[str, str], expected: Any, delta: float) -> bool:
    """Compare a cube or a labelled array, in which no-data is NaN, label by label."""
    if isinstance(expected, list) and not _is_labelled(expected):  # of a labelled array the values alone
        return found.ndim == 1 and is_equal(found.values.tolist(), expected, delta)
    wanted = to_parameter(expected)
    if set(found.dims) != set(wanted.dims):
        return False
    if any(not _equal_labels(found[d].values, wanted[d].values) for d in wanted.dims):
        return False
    types = {name: d["type"] for name, d in _dimensions(expected).items()} if "dimensions" in expected else {}
    if any(kinds[name] != kind for name, kind in types.items()):
        return False
    if types and not expected.get("data"):  # "if the data values are irrelevant for the test"
        return True
    numbers = [np.asarray(a.transpose(*wanted.dims).values, float) for a in (found, wanted)]
    return bool(np.allclose(*numbers, rtol=0, atol=delta, equal_nan=True))


def _equal_labels(found: Any, wanted: Any) -> bool:
    """Compare labels: times as instants, coordinates of pixels as numbers, others as texts."""
    if len(found) != len(wanted):
        return False
    if found.dtype.kind in "Mf":
        with suppress(ValueError):
            return bool(np.all(found == wanted.astype(found.dtype)))
    return [str(v) for v in found] == [str(v) for v in wanted]


def show(value: Any) -> str:
    """Return a value in a line."""
    if isinstance(value, tuple):
        array = value[0]
        labels = {d: array[d].values.tolist() for d in array.dims}
        value = {"dims": array.dims, "labels": labels, "values": array.values.tolist()}
    return str(value)[:300]
