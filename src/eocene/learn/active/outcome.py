"""What a labelling gives: a data set to train on, and places with their labels for other programs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.active.showing import Showing
from eocene.model import InputError

if TYPE_CHECKING:
    from eocene.curate import Samples
    from eocene.learn.active.labelling import Labelling
    from eocene.learn.active.terms import Kept

MOST_PLACES = 5000
"""Places of a map; of more, some are drawn by chance."""


def collect_samples(kept: Kept) -> Samples:
    """Return the labelled samples with the columns "label_author", "labelled_at" and "label_source".

    When somebody sat down to it is no "label_time", which is when the ground was as the label says.

    Raises
    ------
    InputError
        If nothing is labelled yet.
    """
    entries = kept.labels()
    if not entries:
        raise InputError(f"Nothing of {kept.name} is labelled yet.", "Label some samples first.")
    entries.sort(key=lambda entry: entry.sample)
    part = kept.samples.take(np.array([entry.sample for entry in entries]))
    columns = {
        **part.columns,
        "label_author": np.array([entry.author for entry in entries]),
        "labelled_at": np.array([entry.at.rstrip("Z") for entry in entries], dtype="datetime64[s]"),
        "label_source": np.array([f"{kept.name}#{entry.number}" for entry in entries]),
    }
    return replace(
        part,
        labels=np.array([entry.value for entry in entries]),
        class_names=kept.terms.classes,
        columns=columns,
        sources={**part.sources, "dataset": kept.terms.dataset, "label": f"labelling {kept.name}"},
    )


def write_geojson(kept: Kept) -> dict[str, Any]:
    """Return the labels as GeoJSON points with sample, class, name, author and time; skipped ones too."""
    lon, lat = Showing(kept.samples).places
    names = kept.terms.classes
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [float(lon[e.sample]), float(lat[e.sample])]},
            "properties": {
                "sample": e.sample, "class": e.value, "name": None if e.value is None else names[e.value],
                "author": e.author, "time": e.at,
            },
        }
        for e in kept.entries()
    ]  # fmt: skip
    return {"type": "FeatureCollection", "features": features}


def draw_map(labelling: Labelling) -> dict[str, Any]:
    """Return the places of the pool, what the model "answers" there, and the "labels"; null for none."""
    rows, answers = labelling.candidates, labelling.answers()
    said = {e.sample: e.value for e in labelling.kept.entries()}
    drawn = np.sort(np.random.default_rng(0).permutation(len(rows))[:MOST_PLACES])
    lon, lat = labelling.showing.places
    return {
        "sample": rows[drawn].tolist(),
        "lon": lon[rows[drawn]].tolist(),
        "lat": lat[rows[drawn]].tolist(),
        "answers": [None] * len(drawn) if answers is None else answers[drawn].tolist(),
        "labels": [said.get(int(row)) for row in rows[drawn]],
    }
