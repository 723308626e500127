"""The feature store: views by name and version, values of places made once and found again."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from eocene.cube.edge import parse_label
from eocene.curate.dataset import FEATURES, Dataset
from eocene.curate.dataset.identity import canonical
from eocene.curate.features.asof import Known, find_known_times, pick_known
from eocene.curate.features.statistics import measure_drift, summarise
from eocene.curate.features.view import FeatureView, check_values
from eocene.curate.sampling import Draw, FeatureLabels, Recipe, build_dataset
from eocene.model import DamageError, InputError, NotFoundError
from eocene.model.files import write_json
from eocene.model.grid import transformer
from eocene.process import make_plan

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.archive import Archive
    from eocene.process import Plan


class FeatureStore:
    """Views and their values in a folder.

    Parameters
    ----------
    folder : Path
        ``views/<id>.json``; ``made/<key>.json``, which names the data set in ``values/``.
    archive : Archive
        What graphs read.
    """

    def __init__(self, folder: Path, archive: Archive) -> None:
        self.folder, self.archive = folder, archive

    def define(self, view: FeatureView) -> str:
        """Keep a view and return its id; a view that is there already stays.

        Raises
        ------
        InputError
            If its graph cannot be planned, or gives other bands than its schema says.
        """
        plan = make_plan(view.graph, self.archive)
        bands = tuple(str(band) for band in plan.schema.labels.get("bands", ("value",)))
        if bands != view.bands:
            raise InputError(f"The graph gives the bands {bands}, not {view.bands}.", "Correct the schema.")
        path = self._view_path(view.id)
        if not path.exists():
            number = len(list(path.parent.glob(f"{view.name}-*.json"))) if path.parent.is_dir() else 0
            write_json(path, {"version": number + 1, "view": view.to_json()})
        return view.id

    def list(self) -> list[str]:
        """Return the ids of all views, sorted."""
        return sorted(path.stem for path in (self.folder / "views").glob("*.json"))

    def view(self, name: str) -> FeatureView:
        """Return a view by its id, or the newest version of a name.

        Raises
        ------
        NotFoundError
            If there is none.
        DamageError
            If it is not what its id promises.
        """
        known = {name: self._read(name)} if name in self.list() else {
            one: self._read(one) for one in self.list() if one.rpartition("-")[0] == name
        }  # fmt: skip
        if not known:
            raise NotFoundError(
                f"There is no view {name!r}.", f"There are: {', '.join(self.list()) or 'none'}."
            )
        newest = max(known, key=lambda one: known[one]["version"])
        view = FeatureView.from_json(known[newest]["view"])
        if view.id != newest:
            raise DamageError(f"The view {newest!r} was changed.", "Define it again.")
        return view

    def materialise(self, name: str, x: NDArray[Any], y: NDArray[Any], epsg: int) -> Dataset:
        """Return the values of a view under points, as series; they are computed once.

        They are found again by a hash of the graph, the items that it reads now, and the points, so a new or
        changed item makes new values. Points without any value have no row.

        Parameters
        ----------
        name : str
            A view or its id.
        x, y : (n,)
            Points.
        epsg : int
            Their CRS.

        Raises
        ------
        InputError
            If no point has a value, or values do not keep to the checks of the view.
        """
        view = self.view(name)
        plan = make_plan(view.graph, self.archive)
        key = _make_key(view, plan, x, y, epsg)
        note = self.folder / "made" / f"{key}.json"
        if note.exists():
            return Dataset.open(
                self.folder / "values" / str(json.loads(note.read_text(encoding="utf-8"))["dataset"])
            )
        places = transformer(epsg, plan.grid.epsg).transform(x, y)
        labels = FeatureLabels(shapely.points(*places), np.zeros(len(x), np.int64), view.id)
        recipe = Recipe({FEATURES: plan}, labels, Draw("series"), name=view.name)
        made = build_dataset(self.folder / "values", recipe)
        samples = made.read()
        faults = check_values(view, samples)
        if faults:
            raise InputError(
                f"The features {view.id} fail their checks: {'; '.join(faults)}.", "Correct the graph."
            )
        statistics = summarise(np.asarray(samples.features), view.bands)
        write_json(note, {"view": view.id, "dataset": made.id, "statistics": statistics})
        return made

    def join(
        self,
        name: str,
        x: NDArray[Any],
        y: NDArray[Any],
        epsg: int,
        times: NDArray[np.datetime64],
        most_days: float | None = None,
    ) -> Known:
        """Return what was known at points at instants; see :func:`~eocene.curate.features.asof.pick_known`.

        Parameters
        ----------
        name, x, y, epsg
            As for :meth:`materialise`.
        times : (n,) datetime64
            When each would have been used.
        most_days : float, optional
            Nothing older is returned.
        """
        view = self.view(name)
        plan = make_plan(view.graph, self.archive)
        made = self.materialise(name, x, y, epsg)
        labels = np.array([parse_label(label) for label in plan.schema.times], "datetime64[s]")
        known = find_known_times(labels, plan.items, view.lookahead_days)
        rows = _find_rows(made, plan, x, y, epsg)
        values = np.full((len(x), *made.layers[FEATURES].shape), np.nan, np.float32)
        there = rows >= 0
        values[there] = made.read(rows[there]).features
        return pick_known(values, labels, known, np.asarray(times), most_days)

    def statistics(self, dataset: str) -> dict[str, Any]:
        """Return what was noted of values when they were made; raises NotFoundError if they were not."""
        for note in (self.folder / "made").glob("*.json"):
            told = json.loads(note.read_text(encoding="utf-8"))
            if told["dataset"] == dataset:
                found: dict[str, Any] = told["statistics"]
                return found
        raise NotFoundError(f"There are no values {dataset!r}.", "Materialise them.")

    def drift(self, before: Dataset, now: Dataset) -> dict[str, float]:
        """Return how far the bands of values have moved from those of others of the same view."""
        bands = now.layers[FEATURES].axes["bands"]
        return measure_drift(self.statistics(before.id), np.asarray(now.read().features), bands)

    def _view_path(self, name: str) -> Path:
        return self.folder / "views" / f"{name}.json"

    def _read(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._view_path(name).read_text(encoding="utf-8"))
        return found


def _make_key(view: FeatureView, plan: Plan, x: NDArray[Any], y: NDArray[Any], epsg: int) -> str:
    """Return what values are found again by."""
    items = sorted(canonical(_identify(item)) for item in plan.items)
    told = hashlib.sha256(canonical({"view": view.id, "items": items, "epsg": epsg}).encode())
    told.update(np.asarray([x, y], np.float64).tobytes())
    return told.hexdigest()[:32]


def _identify(item: Any) -> dict[str, Any]:
    """Return what of an item changes when its pixels do: its name, times of change, and its assets."""
    told = item.get("properties", {})
    times = {key: told[key] for key in ("updated", "created", "published", "version") if key in told}
    assets = {key: [a.get("href"), a.get("file:checksum")] for key, a in item.get("assets", {}).items()}
    return {"collection": item.get("collection"), "id": item["id"], "times": times, "assets": assets}


def _find_rows(made: Dataset, plan: Plan, x: NDArray[Any], y: NDArray[Any], epsg: int) -> NDArray[np.intp]:
    """Return the row of the pixel under each point, −1 without one."""
    (rx, ry), (ax, ay) = plan.grid.lattice.resolution, plan.grid.lattice.anchor
    px, py = transformer(epsg, plan.grid.epsg).transform(x, y)
    columns = np.floor((np.asarray(px) - ax) / rx + 1e-6).astype(np.int64)
    rows = np.floor((ay - np.asarray(py)) / ry + 1e-6).astype(np.int64)
    places = zip(made.columns["column"].tolist(), made.columns["row"].tolist(), strict=True)
    known = {place: number for number, place in enumerate(places)}
    found = [known.get(place, -1) for place in zip(columns.tolist(), rows.tolist(), strict=True)]
    return np.array(found, np.intp)
