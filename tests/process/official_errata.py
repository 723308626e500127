"""Official test cases that contradict the specification or themselves, with what would make them right.

Each: why, and what to replace, by its path in the case. As published these cases cannot be met.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.process.official_cases import ABSENT

NODATA = {"type": "nodata"}


@dataclass(frozen=True)
class Erratum:
    """What is wrong with a case, and the values that mend it."""

    reason: str
    changes: dict[str, Any]


_ASSET = "a pixel of its cube is 255, which is no-data, where the result is that of 165 as in its sister file"
_WHOLE = {"arguments/data/data/2/0/3": 165}
_MASK = "the mask is taken the other way round: the specification replaces where it is 1"
_INVERTED = {"arguments/mask/data": [[0, 0, 0, 0], [0, 1, 1, 0], [1, 1, 0, 1]]}
_JUNE = "the intervals lie in January, the dates in June"
_TRUTH = "the truth table and the examples of the specification say no-data"
_SOURCE = "target is required, and source is the name of what is replaced"
_INSIDE = "inside is taken the other way round: the polygon lies beside the cube"
_TIME = "the temporal dimension is t2 before and t after"
_AXES = "the labels of x are expected along y"
_ROUNDED = {"delta": 0.006}


def _intervals(*days: Any) -> list[list[Any]]:
    """Return intervals in June 2020, from each day to the next."""
    ends = [day and f"2020-06-{day:02d}" for day in days]
    return [list(pair) for pair in pairwise(ends)]


def _in_june(*days: int, **more: Any) -> dict[str, Any]:
    labels = [start for start, _ in _intervals(*days)]
    return {"arguments/intervals": _intervals(*days), "returns/dimensions/t/values": labels, **more}


def _named(name: str) -> dict[str, Any]:
    return {
        "returns/order/0": name,
        "returns/dimensions": lambda dimensions: {
            name if d == "t" else d: value for d, value in dimensions.items()
        },
    }


def _renamed(old: str, new: str, order: list[str]) -> dict[str, Any]:
    dimensions: dict[str, Any] = {
        "t": {"type": "temporal", "values": ["2020-06-01T00:00:00Z", "2020-06-03T00:00:00Z"]},
        "y": {"type": "spatial", "values": [5757495.0, 5757485.0, 5757475.0]},
        "x": {"type": "spatial", "values": [404835.0, 404845.0, 404855.0, 404865.0]},
    }
    dimensions[new] = dimensions.pop(old)
    return {"returns/order": order, "returns/dimensions": dimensions}


ERRATA: dict[str, dict[int, Erratum]] = {
    "aggregate_temporal": {
        5: Erratum(_JUNE, _in_june(1, 7, 14) | _ROUNDED),
        6: Erratum(_JUNE, _in_june(1, 7, 14, 21) | _ROUNDED),
        7: Erratum(_JUNE, {"arguments/intervals": _intervals(1, 7, 14, 21)} | _ROUNDED),
        8: Erratum(_JUNE, _in_june(1, 7, 14) | _ROUNDED),
        9: Erratum(
            f"{_JUNE}, and the labels stand inside the reducer",
            {
                "arguments/intervals": _intervals(None, 4, None),
                "arguments/labels": ["before", "after"],
                "arguments/reducer/labels": ABSENT,
            }
            | _ROUNDED,
        ),
        10: Erratum(
            "the median is expected of the reducer mean",
            {"arguments/reducer/process_graph/mean/process_id": "median"},
        ),
    },
    "aggregate_temporal_period": {
        3: Erratum(
            "days are expected for the period hour, and one of the two hours without a date is left out",
            {
                "returns/dimensions/t/values": [f"2020-06-01-{hour:02d}" for hour in range(5)],
                "returns/data": lambda rows: [*rows[:3], *rows[2:]],
            },
        ),
        4: Erratum(
            "the label of a day is YYYY-DDD",
            {"returns/dimensions/t/values": [f"2020-{day}" for day in range(153, 157)]},
        ),
        8: Erratum(_TIME, _named("t2")),
        9: Erratum(_TIME, _named("t2")),
    },
    "all": {8: Erratum(_TRUTH, {"returns": NODATA})},
    "any": {8: Erratum(_TRUTH, {"returns": NODATA})},
    "apply": {2: Erratum(_ASSET, _WHOLE)},
    "apply_dimension": {
        1: Erratum(_ASSET, _WHOLE),
        2: Erratum("the cube has no dimension bands", {"arguments/dimension": "t"} | _ROUNDED),
    },
    "array_append": {0: Erratum("0 is appended, not 1", {"returns": [0]})},
    "array_apply": {
        8: Erratum(
            "multiply is misspelt, and a negative number loses its sign",
            {"arguments/process/process_graph/mulitply/process_id": "multiply", "returns/3": -6.45},
        )
    },
    "array_element": {3: Erratum("the label is BO2 with a letter O", {"arguments/label": "B02"})},
    "array_filter": {
        5: Erratum(
            "the condition is a subtraction", {"arguments/process/process_graph/const/process_id": "gt"}
        )
    },
    "array_find": {6: Erratum("indices start at 0", {"returns": 0})},
    "array_modify": {3: Erratum("by default nothing is removed", {"arguments/length": 1})},
    "filter_bands": {
        4: Erratum(
            "red and blue are asked for, blue and green expected", {"arguments/bands": ["blue", "green"]}
        )
    },
    "lte": {15: Erratum("infinity equals itself", {"returns": True})},
    "mask": {
        0: Erratum(_MASK, _INVERTED),
        1: Erratum(
            f"its file does not exist, and {_MASK}",
            {"arguments/data": {"$ref": "assets/xyt-minimal-float.json5"}} | _INVERTED,
        ),
        2: Erratum(
            f"{_MASK}, and what is masked out is replaced where the mask is 0",
            {f"returns/data/{band}/2/2": 255 for band in range(3)} | _INVERTED,
        ),
    },
    "mask_polygon": {
        0: Erratum(_INSIDE, {"arguments/inside": False}),
        1: Erratum(_INSIDE, {"arguments/inside": True}),
        6: Erratum(
            "its file forgets to replace one row of the last date",
            {f"returns/data/3/5/2/{column}": float("nan") for column in range(3, 7)},
        ),
    },
    "product": {10: Erratum("minus infinity times infinity is minus infinity", {"returns": -float("inf")})},
    "reduce_dimension": {
        1: Erratum(
            f"references to nodes are written as such to parameters, and {_ASSET}",
            {
                "arguments/reducer/process_graph/divide/arguments": {
                    "x": {"from_node": "red"},
                    "y": {"from_node": "blue"},
                }
            }
            | _WHOLE,
        )
    },
    "rename_dimension": {
        3: Erratum(_AXES, _renamed("x", "lon", ["t", "y", "lon"])),
        4: Erratum(_AXES, _renamed("y", "lat", ["t", "lat", "x"])),
    },
    "rename_labels": {
        5: Erratum(_SOURCE, {"arguments/target": ["red", "green", "blue"], "arguments/source": ABSENT}),
        7: Erratum(_SOURCE, {"arguments/target": ["red"], "arguments/source": ABSENT}),
    },
}
