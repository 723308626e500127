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
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import EoceneError, Grid, Lattice
from eocene.process import registry
from eocene.process.callback import Callback
from eocene.process.graph import parse_graph
from eocene.process.processes.arrays import array_create_labeled
from eocene.process.series import entries_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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
            found = call_process(self.process, test["arguments"])
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
    import json5

    for path in sorted(folder.glob("*.json5")):
        for number, test in enumerate(json5.loads(path.read_text(encoding="utf-8"))["tests"]):
            yield Case(path.stem, number, test, folder)


def resolve(value: Any, folder: Path) -> Any:
    """Replace ``{"$ref": file}`` by what the file holds, everywhere."""
    value = _open(value, folder)
    if isinstance(value, dict):
        return {k: resolve(v, folder) for k, v in value.items()}
    return [resolve(v, folder) for v in value] if isinstance(value, list) else value


def _open(value: Any, folder: Path) -> Any:
    import json5

    if not (isinstance(value, dict) and set(value) == {"$ref"}):
        return value
    text = (folder / value["$ref"]).read_text(encoding="utf-8")
    return json5.loads(text) if ".json" in value["$ref"] else text


def call_process(process: str, arguments: Mapping[str, Any]) -> Any:
    """Call one of our processes as the planner does, without a plan."""
    definition = registry.get(process)
    names = OTHER_NAMES.get(process, {})
    given = {names.get(k, k): to_argument(v, names) for k, v in arguments.items()}
    complete = definition.check_arguments(given, process)
    try:
        grid = definition.grid(complete) if definition.grid else None
        result = definition.call(complete)
        return result.crop(grid) if grid else result
    except (TypeError, ValueError, AttributeError, KeyError, IndexError) as error:
        raise EoceneError(f"{type(error).__name__}: {error}", code="Unforeseen") from error


def to_argument(value: Any, names: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Turn a value of a test case into what a process gets."""
    if isinstance(value, list):
        is_labelled = value and all(isinstance(v, dict) and set(v) == {"key", "value"} for v in value)
        return _labelled(value) if is_labelled else [to_argument(v, names) for v in value]
    if not isinstance(value, dict):
        return value
    graph = value.get("process_graph", value)
    if graph and all(isinstance(node, dict) and "process_id" in node for node in graph.values()):
        return Callback(parse_graph(_rename(graph, names)), {}, "test")
    readers = {
        "nodata": lambda _: None,
        "datetime": lambda v: v["value"],
        "datacube": to_block,
        "labeled-array": lambda v: _labelled(v["data"]),
    }
    reader = readers.get(value.get("type"), lambda v: {k: to_argument(w, names) for k, w in v.items()})
    return reader(value)


def _labelled(entries: list[dict[str, Any]]) -> Block:
    series: Block = array_create_labeled(
        [to_argument(e["value"]) for e in entries], [e["key"] for e in entries]
    )
    return series


def _rename(graph: Any, names: Mapping[str, str]) -> Any:
    """Write references to parameters by the names of today."""
    if isinstance(graph, dict):
        for reference in ("from_argument", "from_parameter"):
            if set(graph) == {reference}:
                return {"from_parameter": names.get(graph[reference], graph[reference])}
        return {k: _rename(v, names) for k, v in graph.items()}
    return [_rename(v, names) for v in graph] if isinstance(graph, list) else graph


def _dimensions(cube: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the dimensions of a cube in their order."""
    dimensions = cube["dimensions"]
    if isinstance(dimensions, list):
        dimensions = {d["name"]: d for d in dimensions}
    return {name: dimensions[name] for name in cube.get("order", dimensions)}


def to_block(cube: Mapping[str, Any]) -> Block:
    """Return a data cube of a test case as a block, y and x last if it has pixels."""
    dimensions = _dimensions(cube)
    if not dimensions:
        return Block(np.zeros(()), ())
    sizes = [len(d["values"]) for d in dimensions.values()]
    data = np.zeros(sizes) if cube.get("data") is None else np.array(cube["data"]).reshape(sizes)
    missing = np.zeros(data.shape, bool)
    for nodata in np.atleast_1d(np.array(cube.get("nodata", [np.nan]), float)):
        missing |= np.isnan(data.astype(float)) if np.isnan(nodata) else data == nodata
    grid = _grid(dimensions)
    pixels = ("y", "x") if grid else ()
    dims = (*(d for d in dimensions if d not in pixels), *pixels)
    axes = [list(dimensions).index(d) for d in dims]
    labels = {
        d: tuple(_label(v, dimensions[d]) for v in dimensions[d]["values"]) for d in dims if d not in pixels
    }
    kinds = {d: dimensions[d]["type"] for d in dims}
    return Block(data.transpose(axes), dims, labels, ~missing.transpose(axes), grid, kinds=kinds)


def _label(value: Any, dimension: Mapping[str, Any]) -> Any:
    try:
        is_time = dimension["type"] == "temporal" and len(value) > 7
        return np.datetime64(value.removesuffix("Z"), "s") if is_time else value
    except ValueError:
        return value


def _grid(dimensions: Mapping[str, Mapping[str, Any]]) -> Grid | None:
    x, y = (dimensions.get(d, {}).get("values", ()) for d in "xy")
    if len(x) == 0 or len(y) == 0:
        return None
    epsg = int(str(dimensions["x"].get("reference_system", 25832)).removeprefix("EPSG:"))
    size = abs(x[1] - x[0]) if len(x) > 1 else 10.0
    return Lattice(epsg, (size, size)).grid_over(
        (x[0] - size / 2, y[-1] - size / 2, x[-1] + size / 2, y[0] + size / 2), epsg
    )


def is_equal(found: Any, expected: Any, delta: float) -> bool:
    """Compare numbers within a distance; no-data equals null, NaN equals NaN."""
    if isinstance(expected, dict) and expected.get("type") == "datacube":
        return isinstance(found, Block) and _equal_blocks(found, expected, delta)
    if isinstance(expected, dict) and expected.get("type") == "datetime":
        return isinstance(found, str) and _instant(found) == _instant(expected["value"])
    wanted = to_argument(expected)
    if isinstance(wanted, Block):
        if not isinstance(found, Block) or found.labels[found.axis or ""] != wanted.labels["array"]:
            return bool(wanted.values.size == 0 and found == [])
        expected = entries_of(wanted)
    if isinstance(found, Block) and found.axis is not None:
        found = entries_of(found)
    if isinstance(expected, list) and isinstance(found, list | tuple):
        pairs = zip(found, expected, strict=False)
        return len(found) == len(expected) and all(is_equal(f, e, delta) for f, e in pairs)
    if _is_number(wanted) and _is_number(found):
        return bool(np.isclose(found, wanted, rtol=0, atol=delta, equal_nan=True))
    return type(found) is type(wanted) and bool(found == wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _equal_blocks(found: Block, cube: Mapping[str, Any], delta: float) -> bool:
    expected = to_block(cube)
    if set(found.dims) != set(expected.dims):
        return False
    if any(_coordinates(found, d) != _coordinates(expected, d) for d in expected.dims):
        return False
    if any(found.kind_of(d) != expected.kind_of(d) for d in expected.dims):
        return False
    if not cube.get("data"):  # "if the data values are irrelevant for the test", or if there are none
        return True
    axes = [found.dims.index(d) for d in expected.dims]
    masked = [np.where(_mask(b), b.values.astype(float), np.nan) for b in (found, expected)]
    return bool(np.allclose(masked[0].transpose(axes), masked[1], rtol=0, atol=delta, equal_nan=True))


def _coordinates(block: Block, dim: str) -> list[str]:
    """Return the labels of a dimension, or the centres of its pixels, times in one form."""
    if block.grid is not None and dim in ("y", "x"):
        return [f"{v:.6f}" for v in getattr(block.grid, dim)]
    labels = block.labels[dim]
    if block.kind_of(dim) == "spatial":
        return [f"{v:.6f}" for v in labels]
    texts = [str(v).removesuffix("Z").removesuffix(".0") for v in labels]
    return [t if "T" in t or len(t) != 10 else f"{t}T00:00:00" for t in texts]


def _mask(block: Block) -> Any:
    return np.ones(block.values.shape, bool) if block.valid is None else block.valid


def show(value: Any) -> str:
    """Return a value in a line."""
    if isinstance(value, Block):
        value = {"dims": value.dims, "labels": value.labels, "values": value.filled().tolist()}
    return str(value)[:300]
