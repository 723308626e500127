"""Why a registered model answers as it does, asked over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from eocene.serve.auth import Caller
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.engine import plan_for
from eocene.serve.models import open_registry
from eocene.serve.rooms import RoomsOf

router = APIRouter(tags=["models"])

_EXAMPLE = {"geometry": {"type": "Point", "coordinates": [9.0, 48.0]}, "by": "bands"}


@router.post("/models/{model_id}/explain", openapi_extra=describe_body(_EXAMPLE))
def explain(model_id: str, caller: Caller, body: JsonObject, rooms: RoomsOf) -> dict[str, Any]:
    """Explain the answers for rows of features or for places, or what the model rests on without either.

    ``rows``, or ``geometry`` and ``time``, are those of a prediction, at most 20. ``by`` names whose labels
    are the parts, bands or t; by default each feature. ``class`` is the one whose probability is put down to
    the parts, by default what is answered. ``wanted`` is what few changed parts shall lead to: a class, or of
    a regression a text such as >3.5, <2, +0.5 or -0.5. Of a model that answers per pixel ``pixels`` selects
    some of each row, by lists of 0 and 1. ``background`` are rows that show what is usual; by default samples
    of the data set that the model was trained on, whose values are not told. What takes more than 30 s of a
    processor is refused; null stands for no data.
    """
    registry = open_registry(rooms, caller)
    from eocene.learn.explain.background import find_dataset, read_usual
    from eocene.learn.explain.reading import plan_explanation
    from eocene.learn.processes.storing import load_kept

    predictor = load_kept(registry, model_id)
    asked = plan_explanation(predictor, body, lambda made: plan_for(rooms, caller, {"process_graph": made}))
    layout = registry.layout

    def find_usual() -> Any:
        dataset = find_dataset(layout, registry.item(model_id))
        return None if dataset is None else read_usual(layout, dataset)

    with rooms.accounts.booking(caller, asked.expected_s):
        return {"model": model_id, **asked.answer(find_usual)}
