"""Labelled pixels of a cube that somebody holds become samples in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pyproj import CRS
from pyproj.exceptions import CRSError

from eocene.curate.naming import name_features
from eocene.curate.samples import Samples
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray


def sample_pixels(
    features: xr.DataArray,
    labels: xr.DataArray,
    *,
    per_class: int | None = None,
    seed: int = 0,
    classes: Mapping[int, str] | None = None,
    sources: Mapping[str, Any] | None = None,
    name: str = "samples",
) -> Samples:
    """Draw labelled pixels at random, without replacement.

    Parameters
    ----------
    features : DataArray (t, bands, y, x), (bands, y, x) or (t, y, x)
        NaN is "no data"; ``attrs["crs"]`` names the CRS, such as "EPSG:32631".
    labels : DataArray (y, x)
        Whole class values on the same pixels; NaN or ``attrs["nodata"]`` is "no label".
        Further dimensions of length 1 are dropped.
    per_class : int or None
        At most so many pixels a class; None takes all.
    seed : int
        Decides which.
    classes : mapping of int to str, optional
        Names of the class values.
    sources : mapping, optional
        What the cube and the labels came from; kept with the samples.
    name : str
        The readable part of the id.

    Returns
    -------
    Samples
        In row-major order. Missing values stay NaN; pixels without any value are dropped and
        counted in ``faults`` together with duplicates.

    Raises
    ------
    InputError
        If the two do not lie on the same pixels, a label is not whole, the CRS is unknown or no
        labelled pixel has a value.
    """
    if per_class is not None and per_class < 1:
        raise InputError(f"per_class is {per_class}.", "Give a number of 1 or more, or None for all.")
    found = _find_candidates(features, labels)
    if not len(found.label):
        raise InputError(
            "No pixel has both a label and a value.", "Check that the cube and the labels overlap."
        )
    chosen = _choose(found.label, np.arange(len(found.label)), per_class, seed)
    taken, label = found.rows[chosen], found.label[chosen]
    return Samples(
        features=taken,
        labels=label,
        x=found.x[chosen],
        y=found.y[chosen],
        epsg=found.epsg,
        axes={"features": found.names},
        class_names=classes or {},
        sources=sources or {},
        faults={"without_any_value_dropped": found.dropped, **count_duplicates(taken, label)},
        name=name,
    )


@dataclass(frozen=True, eq=False)
class _Candidates:
    """The labelled pixels of a cube that have a value: rows (n, f), labels and places (n,)."""

    names: tuple[str, ...]
    epsg: int
    rows: NDArray[np.float32]
    label: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    dropped: int


def _find_candidates(features: xr.DataArray, labels: xr.DataArray) -> _Candidates:
    labels = labels.squeeze([d for d in labels.dims if d not in ("y", "x") and labels.sizes[d] == 1])
    _check_alignment(features, labels)
    names = name_features(features)
    values = features.transpose(*_stacked(features), "y", "x").to_numpy()
    rows = values.reshape(len(names), -1).T
    label, labelled = _read_labels(labels)
    empty = np.isnan(rows).all(axis=1)
    kept = np.flatnonzero(labelled & ~empty)
    x, y = (grid.reshape(-1) for grid in np.meshgrid(features["x"].to_numpy(), features["y"].to_numpy()))
    return _Candidates(
        names,
        _read_epsg(features),
        rows[kept].astype(np.float32),
        label[kept],
        x[kept],
        y[kept],
        int((labelled & empty).sum()),
    )


def count_duplicates(features: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, int]:
    """Count rows that repeat an earlier one, and those among them whose label contradicts it."""
    rows = np.ascontiguousarray(features + np.float32(0))  # −0 becomes 0
    rows[np.isnan(rows)] = np.nan
    # Rows are compared as bytes, for which NaN equals NaN.
    keys = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).reshape(-1)
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return {
        "duplicates": len(rows) - len(first),
        "contradicting_duplicates": int((labels != labels[first][which]).sum()),
    }


def _stacked(cube: xr.DataArray) -> list[str]:
    return [d for d in ("t", "bands") if d in cube.dims]


def _check_alignment(features: xr.DataArray, labels: xr.DataArray) -> None:
    extra = [str(d) for d in features.dims if d not in ("t", "bands", "y", "x")]
    if extra or not {"y", "x"} <= set(features.dims):
        raise InputError(
            f"The features have the dimensions {features.dims}.", "Give t and/or bands, with y and x."
        )
    if set(labels.dims) != {"y", "x"}:
        raise InputError(f"The labels have the dimensions {labels.dims}.", "Give one label a pixel (y, x).")
    for dim in ("y", "x"):
        if not np.array_equal(features[dim].to_numpy(), labels[dim].to_numpy()):
            raise InputError(
                f"Features and labels lie on different pixels along {dim}.",
                "Load both on one grid, for instance by merge_cubes or resample_cube_spatial.",
            )
    ours, theirs = find_epsg(features), find_epsg(labels)
    if None not in (ours, theirs) and ours != theirs:
        raise InputError(f"Features are in EPSG:{ours}, labels in EPSG:{theirs}.", "Load both in one CRS.")


def _read_labels(labels: xr.DataArray) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    raw = labels.transpose("y", "x").to_numpy().reshape(-1)
    valid = np.isfinite(raw)
    nodata = labels.attrs.get("nodata")
    if nodata is not None:
        valid &= raw != nodata
    whole = np.where(valid, raw, 0)
    if not np.array_equal(whole, np.rint(whole)):
        raise InputError("A label is not a whole number.", "Load labels with the nearest resampling.")
    return whole.astype(np.int64), valid


def _choose(
    label: NDArray[np.int64], candidates: NDArray[np.intp], per_class: int | None, seed: int
) -> NDArray[np.intp]:
    if per_class is None:
        return candidates
    chosen = []
    for value in np.unique(label[candidates]):
        rows = candidates[label[candidates] == value]
        # A stream of its own for each class: another class more or less changes nothing for it.
        rng = np.random.default_rng([seed, abs(int(value)), int(value < 0)])
        chosen.append(rng.choice(rows, size=min(per_class, len(rows)), replace=False))
    return np.sort(np.concatenate(chosen))


def find_epsg(cube: xr.DataArray) -> int | None:
    """Return the EPSG number that ``attrs["crs"]`` or the coordinate ``spatial_ref`` tells, or None.

    Raises
    ------
    InputError
        If there is a CRS but not one with an EPSG number.
    """
    told = cube.attrs.get("crs")
    if told is None and "spatial_ref" in cube.coords:
        told = cube["spatial_ref"].attrs.get("crs_wkt")
    if told is None:
        return None
    try:
        epsg = CRS.from_user_input(told).to_epsg()
    except CRSError:
        epsg = None
    if epsg is None:
        raise InputError(f"The CRS {told!r} has no EPSG number.", 'Set attrs["crs"], such as "EPSG:32631".')
    return int(epsg)


def _read_epsg(cube: xr.DataArray) -> int:
    epsg = find_epsg(cube)
    if epsg is None:
        raise InputError("The cube does not say its CRS.", 'Set attrs["crs"], such as "EPSG:32631".')
    return epsg
