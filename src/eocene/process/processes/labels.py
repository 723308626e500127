"""Processes that tell, rename and filter the labels of a dimension.

Source: openEO processes 2.0, categories cubes and filter.
"""

from __future__ import annotations

from typing import Annotated, Any

from eocene.cube.block import Block
from eocene.model import InputError
from eocene.process.callback import Callback
from eocene.process.methods.dimensions import as_label, label_key, labelled, over_pixels, times_unless_t
from eocene.process.methods.series import plain_label
from eocene.process.registry import process
from eocene.process.standard import TRUTH
from eocene.process.types import Context, Cube, DistinctLabels, Labels, Text, callback

_LABEL = {
    "description": "A single dimension label to compare against. The data type of the parameter depends on "
    "the dimension labels set for the dimension. Please note that for some dimension types a representation "
    "is used, e.g.\n\n* dates and/or times are usually strings compliant to [ISO 8601]"
    "(https://en.wikipedia.org/wiki/ISO_8601),\n* geometries can be a WKT string or an identifier.",
    "schema": [{"type": "number"}, {"type": "string"}],
}
_STAYS = {
    "description": "`true` if the dimension label should be kept in the data cube, otherwise `false`.",
    "schema": TRUTH,
}
LabelCondition = Annotated[Callback, callback(_STAYS, value=_LABEL)]


@process("cubes", unread=("data",))
def dimension_labels(data: Cube, dimension: Text) -> Labels:
    """Return the labels of a dimension, in order.

    Parameters
    ----------
    data
        A cube.
    dimension
        The dimension.

    Raises
    ------
    DimensionNotAvailable
        The cube has no dimension of that name.
    """
    data.index(dimension)
    return [outside(label) for label in labelled(data, dimension).labels[dimension]]


def outside(label: Any) -> Any:
    """Return a label as a number or a text: times in ISO 8601, geometries as WKT."""
    found = plain_label(label)
    return found if isinstance(found, bool | int | float) else str(found)


@process("cubes", "filter", times=times_unless_t, whole=over_pixels("dimension"))
def filter_labels(data: Cube, condition: LabelCondition, dimension: Text, context: Context = None) -> Cube:
    """Keep the labels for which a condition is true.

    Parameters
    ----------
    data
        A cube.
    condition
        Takes a label, returns a boolean.
    dimension
        The dimension.
    context
        Handed to the condition.

    Raises
    ------
    DimensionNotAvailable
        The cube has no dimension of that name.
    """
    data.index(dimension)
    cube = labelled(data, dimension)
    labels = cube.labels[dimension]
    kept = [i for i, v in enumerate(labels) if condition(value=outside(v), context=context) is True]
    return cube.take(dimension, kept) if len(kept) < len(labels) else cube


@process("cubes", times=times_unless_t, whole=over_pixels("dimension"))
def rename_labels(data: Cube, dimension: Text, target: DistinctLabels, source: DistinctLabels = ()) -> Cube:
    """Rename labels of a dimension.

    Parameters
    ----------
    data
        A cube.
    dimension
        The dimension.
    target
        The new labels.
    source
        The labels they replace; if empty, the labels must be 0, 1, 2, … and are replaced from the first on.

    Raises
    ------
    LabelsNotEnumerated
        No source is given, and the labels are not 0, 1, 2, ….
    LabelMismatch
        There are not as many new labels as ones that they replace.
    LabelNotAvailable
        A label to replace is not there.
    LabelExists
        Two labels would be equal.
    """
    data.index(dimension)
    kind = data.kind_of(dimension)
    labels = labelled(data, dimension).labels[dimension]
    keys = [label_key(label, kind) for label in labels]
    old = [label_key(s, kind) for s in source] if source else _enumerated(labels, len(target), dimension)
    if len(old) != len(target):
        raise InputError(
            f"{len(target)} new labels are given for {len(old)}.", "Give as many.", code="LabelMismatch"
        )
    missing = [s for s, key in zip(source, old, strict=False) if key not in keys]
    if missing:
        raise InputError(
            f"There is no label {missing[0]!r} along {dimension!r}.",
            f"The labels are {', '.join(map(str, labels))}.",
            code="LabelNotAvailable",
        )
    new = dict(zip(old, (as_label(t, kind) for t in target), strict=True))
    result = tuple(new.get(key, label) for key, label in zip(keys, labels, strict=True))
    if len({label_key(label, kind) for label in result}) < len(result):
        raise InputError("Two labels would be equal.", "Choose other names.", code="LabelExists")
    return _with_labels(labelled(data, dimension), dimension, result)


def _enumerated(labels: tuple[Any, ...], wanted: int, dimension: str) -> list[Any]:
    """Return the labels 0, 1, 2, … that as many new ones replace."""
    if labels != tuple(range(len(labels))):
        raise InputError(
            f"The labels along {dimension!r} are not 0, 1, 2, ….",
            "Say in source which labels the new ones replace.",
            code="LabelsNotEnumerated",
        )
    return list(labels[:wanted])


def _with_labels(cube: Block, dimension: str, labels: tuple[Any, ...]) -> Block:
    """Return the cube with other labels; what is known of a band goes with it."""
    changed = cube.with_(labels={**cube.labels, dimension: labels})
    if cube.kind_of(dimension) != "bands":
        return changed
    names = dict(zip(cube.labels[dimension], labels, strict=True))
    return changed.with_(
        common_names={names.get(k, k): v for k, v in cube.common_names.items()},
        wavelengths={names.get(k, k): v for k, v in cube.wavelengths.items()},
    )
