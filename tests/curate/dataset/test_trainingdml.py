"""The TrainingDML-AI document says what the published schemas require, in their words and no others.

Oracle: the schemas of opengeospatial/TrainingDML-AI_SWG, 1.0/json_schema (ai_eoTrainingDataset, ai_eoTask,
ai_eoTrainingData, ai_sceneLabel, those that they build on, md_band, md_identifier), read by hand: names that
are required, and types of what is optional.
"""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from jsonschema import Draft7Validator

from eocene.curate import DatasetWriter, Layer

TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
LINK = {"type": "string", "pattern": r"^[^\s<>\"{}|\\^`]+$"}
BOX = {"type": "array", "items": {"type": "number"}, "minItems": 4}


def exactly(required: tuple[str, ...], **properties) -> dict:
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    }


def many(items: dict) -> dict:
    return {"type": "array", "items": items, "minItems": 1}


LABEL = exactly(("type", "class"), type={"const": "AI_SceneLabel"}, **{"class": TEXT})
DATUM = exactly(
    ("type", "id", "labels", "dataURL"), type={"const": "AI_EOTrainingData"}, id=TEXT, datasetId=TEXT,
    trainingType={"enum": ["training", "validation", "test", "retraining"]}, numberOfLabels=WHOLE,
    dataURL=many(LINK), labels=many(LABEL), extent=BOX,
)  # fmt: skip
TASK = exactly(
    ("type", "id", "taskType"), type={"const": "AI_EOTask"}, id=TEXT, datasetId=TEXT, taskType=TEXT,
    description=TEXT,
)  # fmt: skip
BAND = exactly((), name=many(exactly(("code",), code=TEXT)))
# A class is a NamedValue, or any object: one of these only, which is why its value is a number.
CLASS = exactly(("key", "value"), key=TEXT, value=WHOLE)
SCHEMA = exactly(
    ("type", "id", "name", "description", "license", "tasks", "data", "classes"),
    type={"const": "AI_EOTrainingDataset"}, id=TEXT, name=TEXT, description=TEXT, license=TEXT, version=TEXT,
    amountOfTrainingData=WHOLE, numberOfClasses=WHOLE, classes=many(CLASS), classificationScheme=LINK,
    bands={"type": "array", "items": BAND}, imageSize=TEXT, extent=BOX, tasks=many(TASK), data=many(DATUM),
)  # fmt: skip


@pytest.mark.parametrize("count", [5, 2_500])
def test_the_document_is_what_the_schemas_ask_for(count, tmp_path):
    layer = Layer({"t": ("2024-05-01", "2024-06-01"), "bands": ("B04", "B08")})
    with DatasetWriter(tmp_path, {"features": layer}, epsg=32631, class_names={1: "wheat"}) as writer:
        labels = 1 + np.arange(count) % 2
        places = 500_000 + 10.0 * np.arange(count), np.full(count, 5_000_000.0)
        writer.append({"features": np.ones((count, 2, 2), np.float32)}, labels, *places)
        made = writer.finish()
    told = json.loads((made / "trainingdml.json").read_text())
    faults = [f"{list(e.path)}: {e.message}" for e in Draft7Validator(SCHEMA).iter_errors(told)]
    assert faults == []
    assert told["amountOfTrainingData"] == count
    assert (made / told["classificationScheme"]).exists()
    if count > 2_000:
        assert sum(datum["numberOfLabels"] for datum in told["data"]) == count
    else:
        assert [re.sub(r".*#", "", datum["dataURL"][0]) for datum in told["data"]] == list("01234")
