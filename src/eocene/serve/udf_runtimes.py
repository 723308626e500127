"""Where code of users runs, and behind which walls."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from eocene.process.udf import SandboxRunner, offered_runner, reason_of_none
from eocene.serve.settings import OPENEO

router = APIRouter(prefix=OPENEO, tags=["processes"])


@router.get("/udf_runtimes")
def list_runtimes() -> dict[str, Any]:
    """List the runtimes of user-defined functions; none where they cannot be kept apart."""
    runner = offered_runner()
    return dict(runner.runtimes) if runner else {}


def describe_walls() -> dict[str, Any]:
    """Return how code of users is kept apart here, and if it is not run at all, why."""
    runner = offered_runner()
    if runner is None:
        return {"isolation": None, "reason": reason_of_none()}
    if isinstance(runner, SandboxRunner):
        return {"isolation": "sandbox", "memory": runner.memory_limit}
    return {"isolation": "none", "warning": "Code of users runs unprotected: EOCENE_UDF=unsafe."}
