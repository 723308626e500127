"""Faults planted in labelled samples, so that what finds them can be measured.

Each kind of fault takes samples of its own. Pairs of copies lie on one side of the split, except those
that are planted as leakage, which are copies too and are counted as such.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError
from eocene.model.grid import transformer
from eocene.testing.simulate.noise import derive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from eocene.curate import Samples

FAULT_KINDS = (
    "nodata",
    "missing",
    "duplicates",
    "near_duplicates",
    "conflicts",
    "outliers",
    "mislabels",
    "crs",
    "time",
    "leakage",
    "scale",
    "stripes",
)
"""The last one needs chips."""
YEAR = np.timedelta64(365 * 86_400, "s")


@dataclass(frozen=True)
class Planted:
    """Samples with faults.

    Parameters
    ----------
    samples : Samples
    rows : dict of str to set of int
        The truth: all samples that have each kind of fault, originals of copies among them.
    """

    samples: Samples
    rows: dict[str, set[int]]


@dataclass
class _Bed:
    """Arrays that may be changed, rows that are still sound, and the truth."""

    samples: Samples
    arrays: dict[str, NDArray[Any]]
    rng: np.random.Generator
    free: list[int]
    rows: dict[str, set[int]]

    def take(self, count: int, where: NDArray[np.bool_] | None = None) -> NDArray[np.intp]:
        """Return sound rows, which are then no longer free."""
        found = [r for r in self.free if where is None or where[r]][:count]
        if len(found) < count:
            raise InputError(f"There are not {count} sound samples left.", "Plant less, or in more samples.")
        gone = set(found)
        self.free = [r for r in self.free if r not in gone]
        return np.array(found, dtype=np.intp)

    def take_pairs(self, count: int, *, same_label: bool) -> NDArray[np.intp]:
        """Return (count, 2) sound rows of one side of the split."""
        pairs = []
        side = self.samples.columns.get("split", np.zeros(len(self.samples)))
        for one in self.take(count):
            alike = self.samples.labels == self.samples.labels[one]
            beside = (side == side[one]) & (alike if same_label else ~alike)
            pairs.append((one, self.take(1, beside)[0]))
        return np.array(pairs, dtype=np.intp)


def plant_faults(
    samples: Samples, share: float = 0.02, seed: int = 0, kinds: Iterable[str] = FAULT_KINDS
) -> Planted:
    """Plant faults in samples of :func:`simulate_samples`.

    Parameters
    ----------
    samples : Samples
        With the columns "time", "label_time", "item", "width_m" and "split".
    share : float
        Samples that are changed for each kind.
    seed : int
        Decides which, and how.
    kinds : iterable of str
        Of :data:`FAULT_KINDS`.

    Raises
    ------
    InputError
        If a kind is unknown, or more is to be planted than there is room for.
    """
    rng = derive(seed, "faults")
    names = ("features", "labels", "x", "y")
    arrays = {n: np.array(getattr(samples, n)) for n in names}
    arrays |= {key: np.array(column) for key, column in samples.columns.items()}
    arrays["epsg"] = np.full(len(samples), samples.epsg)
    bed = _Bed(samples, arrays, rng, rng.permutation(len(samples)).tolist(), {})
    count = max(4, round(share * len(samples)))
    for kind in kinds:
        if kind not in _PLANTERS:
            raise InputError(f"There is no fault {kind!r}.", f"There are: {', '.join(FAULT_KINDS)}.")
        found = _PLANTERS[kind](bed, count)
        bed.rows.setdefault(kind, set()).update(int(row) for row in np.ravel(found))
    columns = {key: values for key, values in bed.arrays.items() if key not in names}
    planted = replace(
        samples,
        features=bed.arrays["features"],
        labels=bed.arrays["labels"],
        x=bed.arrays["x"],
        y=bed.arrays["y"],
        columns=columns,
    )
    return Planted(planted, bed.rows)


def _plant_nodata(bed: _Bed, count: int) -> NDArray[np.intp]:
    """A third each: all zero, nothing at all, and zero but for a corner."""
    rows = bed.take(count)
    features = bed.arrays["features"]
    flat = features.reshape(len(features), -1, features.shape[-1])
    features[rows] = 0.0
    features[rows[1::3]] = np.nan
    for alike in (rows[0::3], rows[1::3]):
        if len(set(bed.arrays["labels"][alike])) > 1:
            bed.rows.setdefault("conflicts", set()).update(int(row) for row in alike)
    for row in rows[2::3]:
        kept = bed.samples.features[row].reshape(flat.shape[1:])
        # One line of the first axis in twenty keeps its values, in all bands where these come last.
        flat[row, :: max(20, flat.shape[1] // 2)] = np.nan_to_num(kept[:: max(20, flat.shape[1] // 2)])
    return rows


def _plant_missing(bed: _Bed, count: int) -> NDArray[np.intp]:
    rows = bed.take(count)
    features = bed.arrays["features"]
    for row in rows:
        gone = bed.rng.random(features.shape[1:]) < bed.rng.uniform(0.6, 0.85)
        features[row][gone] = np.nan
    return rows


def _plant_duplicates(bed: _Bed, count: int) -> NDArray[np.intp]:
    pairs = bed.take_pairs(count // 2, same_label=True)
    bed.arrays["features"][pairs[:, 1]] = bed.arrays["features"][pairs[:, 0]]
    return pairs


def _plant_near_duplicates(bed: _Bed, count: int) -> NDArray[np.intp]:
    """Brighter or darker by up to 0.5 %, with noise of 0.5 % of the value, rounded to 1/10,000."""
    pairs = bed.take_pairs(count // 2, same_label=True)
    features = bed.arrays["features"]
    shape = (len(pairs), *features.shape[1:])
    gain = 1 + bed.rng.uniform(-0.005, 0.005, (len(pairs), *(1,) * (features.ndim - 1)))
    changed = features[pairs[:, 0]] * gain * (1 + 0.005 * bed.rng.normal(size=shape))
    features[pairs[:, 1]] = np.round(changed, 4)
    return pairs


def _plant_conflicts(bed: _Bed, count: int) -> NDArray[np.intp]:
    pairs = bed.take_pairs(count // 2, same_label=False)
    bed.arrays["features"][pairs[:, 1]] = bed.arrays["features"][pairs[:, 0]]
    return pairs


def _plant_outliers(bed: _Bed, count: int) -> NDArray[np.intp]:
    """Clouds and glints: a third of the values anywhere between none and twice the brightest."""
    rows = bed.take(count)
    features = bed.arrays["features"]
    bright = float(np.nanquantile(bed.samples.features, 0.99))
    for row in rows:
        hit = bed.rng.random(features.shape[1:]) < 0.33
        features[row][hit] = bed.rng.uniform(0, 2 * bright, int(hit.sum()))
    return rows


def _plant_mislabels(bed: _Bed, count: int) -> NDArray[np.intp]:
    rows = bed.take(count)
    classes = np.array(bed.samples.classes)
    at = np.searchsorted(classes, bed.samples.labels[rows])
    bed.arrays["labels"][rows] = classes[(at + bed.rng.integers(1, len(classes), count)) % len(classes)]
    return rows


def _plant_crs(bed: _Bed, count: int) -> NDArray[np.intp]:
    """A third each: in degrees, x and y swapped, and in the next zone to the east."""
    rows = bed.take(count)
    x, y, epsg = bed.samples.x, bed.samples.y, bed.samples.epsg
    degrees, swapped, next_zone = rows[0::3], rows[1::3], rows[2::3]
    lon, lat = transformer(epsg, 4326).transform(x[degrees], y[degrees])
    bed.arrays["x"][degrees], bed.arrays["y"][degrees] = lon, lat
    bed.arrays["x"][swapped], bed.arrays["y"][swapped] = y[swapped], x[swapped]
    east, north = transformer(epsg, epsg + 1).transform(x[next_zone], y[next_zone])
    bed.arrays["x"][next_zone], bed.arrays["y"][next_zone] = east, north
    bed.arrays["epsg"][next_zone] = epsg + 1
    return rows


def _plant_time(bed: _Bed, count: int) -> NDArray[np.intp]:
    """A third each: labels of another year, no time, and the time of another image."""
    rows = bed.take(count)
    years = bed.rng.choice([-2, -1, 1, 2], len(rows[0::3]))
    bed.arrays["label_time"][rows[0::3]] += years * YEAR
    bed.arrays["time"][rows[1::3]] = np.datetime64("NaT")
    bed.arrays["time"][rows[2::3]] += np.timedelta64(5 * 86_400, "s")
    return rows


def _plant_leakage(bed: _Bed, count: int) -> NDArray[np.intp]:
    """Half test samples on the ground of training, half copies of training."""
    side = bed.samples.columns["split"]
    test, train = bed.take(count, side == "test"), bed.take(count, side == "train")
    moved = count // 2
    width = bed.samples.columns["width_m"][train[:moved]]
    bed.arrays["x"][test[:moved]] = bed.samples.x[train[:moved]] + 0.3 * width
    bed.arrays["y"][test[:moved]] = bed.samples.y[train[:moved]] - 0.3 * width
    bed.arrays["features"][test[moved:]] = bed.arrays["features"][train[moved:]]
    bed.arrays["labels"][test[moved:]] = bed.arrays["labels"][train[moved:]]
    bed.rows.setdefault("duplicates", set()).update(int(r) for r in (*test[moved:], *train[moved:]))
    return test


def _plant_scale(bed: _Bed, count: int) -> NDArray[np.intp]:
    rows = bed.take(count)
    features = bed.arrays["features"]
    features[rows[0::2]] *= 10_000.0
    features[rows[1::2]] /= 10_000.0
    return rows


def _plant_stripes(bed: _Bed, count: int) -> NDArray[np.intp]:
    """Half with dead lines, half with every other line brighter."""
    features = bed.arrays["features"]
    if bed.samples.features.ndim < 4:
        raise InputError("Series have no lines that could be striped.", "Plant stripes in chips.")
    rows = bed.take(count)
    for row in rows[0::2]:
        first = int(bed.rng.integers(1, 4))
        features[row][..., first:-1:4, :] = np.nan if bed.rng.random() < 0.5 else 0.0
    for row in rows[1::2]:
        features[row][..., ::2, :] *= 1.35
    return rows


_PLANTERS: dict[str, Callable[[_Bed, int], NDArray[np.intp]]] = {
    "nodata": _plant_nodata,
    "missing": _plant_missing,
    "duplicates": _plant_duplicates,
    "near_duplicates": _plant_near_duplicates,
    "conflicts": _plant_conflicts,
    "outliers": _plant_outliers,
    "mislabels": _plant_mislabels,
    "crs": _plant_crs,
    "time": _plant_time,
    "leakage": _plant_leakage,
    "scale": _plant_scale,
    "stripes": _plant_stripes,
}
