"""A data set in OGC's Training Data Markup Language for AI, part 2: JSON (OGC 24-006r1).

Names are those of the schemas that the standard publishes (opengeospatial/TrainingDML-AI_SWG, schemas 1.0). A
sample is a training datum of its own as long as there are few; of a larger data set each shard is one, whose
labels are in the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.curate.dataset.store import Dataset

MOST_SINGLE = 2_000
"""From more samples on, a datum stands for a shard."""


def describe_training(dataset: Dataset, card: Mapping[str, Any], extent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the AI_EOTrainingDataset of a data set."""
    first = next(iter(dataset.layers.values()))
    bands = first.axes.get("bands") or first.axes.get("features") or ()
    return {
        "type": "AI_EOTrainingDataset",
        "id": dataset.id,
        "name": dataset.id,
        "description": f"{len(dataset)} labelled samples, see card.md.",
        "license": card["licence"],
        "version": "1.0",
        "amountOfTrainingData": len(dataset),
        "numberOfClasses": len(dataset.class_names),
        "classes": [{"key": name, "value": value} for value, name in dataset.class_names.items()],
        "classificationScheme": "card.json",
        "bands": [{"name": [{"code": str(band)}]} for band in bands],
        "imageSize": "x".join(str(length) for length in first.shape),
        "extent": extent["bbox"],
        "tasks": [
            {
                "type": "AI_EOTask",
                "id": f"{dataset.id}-task",
                "datasetId": dataset.id,
                "taskType": "Scene Classification" if "y" in first.axes else "Land Cover Classification",
                "description": "The class of each sample.",
            }
        ],
        "data": list(_list_data(dataset)),
    }


def _list_data(dataset: Dataset) -> Any:
    labels = dataset.labels.tolist()
    hrefs = [f"pixels.zarr/{name}" for name in dataset.layers]
    if len(dataset) <= MOST_SINGLE:
        for row, label in enumerate(labels):
            yield _datum(f"{dataset.id}-{row}", [f"{href}#{row}" for href in hrefs], [label], dataset)
        return
    shard = dataset.pixels().shard
    for number, start in enumerate(range(0, len(dataset), shard)):
        stop = min(start + shard, len(dataset))
        kinds = sorted(set(labels[start:stop]))
        urls = [f"{href}#{start}:{stop}" for href in hrefs]
        yield _datum(f"{dataset.id}-shard-{number}", urls, kinds, dataset) | {"numberOfLabels": stop - start}


def _datum(name: str, urls: list[str], labels: list[int], dataset: Dataset) -> dict[str, Any]:
    return {
        "type": "AI_EOTrainingData",
        "id": name,
        "datasetId": dataset.id,
        "trainingType": "training",
        "numberOfLabels": len(labels),
        "dataURL": urls,
        "labels": [{"type": "AI_SceneLabel", "class": dataset.class_names[label]} for label in labels],
    }
