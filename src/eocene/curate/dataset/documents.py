"""What stands beside a data set for people and other programs: cards, STAC, TrainingDML-AI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.card import describe_samples, write_card
from eocene.curate.dataset.stac import describe_collection, describe_item
from eocene.curate.dataset.trainingdml import describe_training
from eocene.model.files import write_json, write_text
from eocene.model.grid import transformer

if TYPE_CHECKING:
    from pathlib import Path

CARD, CARD_TEXT = "card.json", "card.md"
COLLECTION, ITEM, TRAINING = "collection.json", "item.json", "trainingdml.json"


def write_documents(folder: Path) -> None:
    """Write the documents of the data set that lies in a folder."""
    from eocene.curate.dataset.store import Dataset

    dataset = Dataset.open(folder)
    card = describe_samples(dataset)
    extent = find_extent(dataset)
    write_json(folder / CARD, card)
    write_text(folder / CARD_TEXT, write_card(card))
    write_json(folder / ITEM, describe_item(dataset, card, extent))
    write_json(folder / COLLECTION, describe_collection(dataset, card, extent))
    write_json(folder / TRAINING, describe_training(dataset, card, extent))


def find_extent(dataset: Any) -> dict[str, Any]:
    """Return "bbox" in degrees and "interval", the first and last instant, which may be None."""
    lon, lat = transformer(dataset.epsg, 4326).transform(dataset.x, dataset.y)
    lon, lat = np.clip(lon, -180, 180), np.clip(lat, -90, 90)
    bbox = [float(v) for v in (lon.min(), lat.min(), lon.max(), lat.max())]
    instants = [v[~np.isnat(v)] for v in dataset.columns.values() if v.dtype.kind == "M"]
    known = np.concatenate(instants) if instants else np.empty(0, "datetime64[s]")
    interval = [f"{known.min()}Z", f"{known.max()}Z"] if len(known) else [None, None]
    return {"bbox": bbox, "interval": interval}
