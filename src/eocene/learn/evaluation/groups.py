"""Scores by region, season, cloud level and sensor, from what the columns of the samples tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.score import count_confusion, score_confusion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

SEASONS = ("Dec–Feb", "Mar–May", "Jun–Aug", "Sep–Nov")
CLOUD_LEVELS = ("clear (< 10 %)", "some (10–40 %)", "cloudy (> 40 %)")
_MOST = 40


def group_samples(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.str_]]:
    """Return the name of each sample's group, for each way to group that the columns allow.

    "region" and "sensor" are taken as they are unless there are more than 40, "season" is three months of
    "time", and "cloud" is the level of a share from 0 to 1. Where a column has a gap the name is "".
    """
    groups: dict[str, NDArray[np.str_]] = {}
    for name in ("region", "sensor"):
        if name in columns and len(np.unique(columns[name])) <= _MOST:
            groups[name] = np.asarray(columns[name]).astype(str)
    if "time" in columns and np.asarray(columns["time"]).dtype.kind == "M":
        groups["season"] = _name_seasons(np.asarray(columns["time"]))
    if "cloud" in columns:
        cloud = np.asarray(columns["cloud"], dtype=np.float64)
        level = np.asarray(CLOUD_LEVELS)[np.digitize(np.nan_to_num(cloud), [0.1, 0.4])]
        groups["cloud"] = np.where(np.isfinite(cloud), level, "")
    return groups


def score_groups(
    groups: Mapping[str, NDArray[np.str_]],
    rows: NDArray[np.intp],
    truth: NDArray[np.int64],
    answer: NDArray[np.int64],
    classes: Sequence[int],
) -> dict[str, list[dict[str, Any]]]:
    """Return the scores of each group of the tested rows, the worst macro F1 first.

    A row may stand there many times, as one of a chip does that is answered pixel by pixel.
    """
    told: dict[str, list[dict[str, Any]]] = {}
    tested = np.unique(rows)
    for way, names in groups.items():
        lines: list[dict[str, Any]] = []
        for name in np.unique(names[tested]):
            mine = (names == name)[rows]
            scores = score_confusion(count_confusion(truth[mine], answer[mine], classes))
            lines.append({"name": str(name) or "unknown", "support": int(mine.sum()), **scores})
        told[way] = sorted(lines, key=lambda line: line["macro_f1"])
    return told


def _name_seasons(time: NDArray[Any]) -> NDArray[np.str_]:
    months = time.astype("datetime64[M]")
    number = months.astype(np.int64) % 12  # 1970 begins in January
    named = np.asarray(SEASONS)[((number + 1) // 3) % 4]
    return np.where(np.isnat(months), "", named)
