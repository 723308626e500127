"""The processes that graphs are made of."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from eocene.process import registry
from eocene.serve.paging import Limit, Offset, cut_page
from eocene.serve.rooms import AddressOf
from eocene.serve.settings import OPENEO

router = APIRouter(prefix=OPENEO, tags=["processes"])

PROCESSES_VERSION = "2.0.0-rc.2"
"""The version of openEO's process descriptions that ours follow."""

WHOLE_FROM = 50
"""The limit from which on all processes come in one page.

The JavaScript client asks for 50, and takes the first page for all that there is to build graphs of.
"""

EXAMPLE = {"process_graph": {"add1": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}}


@router.get("/processes")
def list_processes(address: AddressOf, limit: Limit = None, offset: Offset = 0) -> dict[str, Any]:
    """List the processes; without ``limit``, or with one that is not small, all of them."""
    limit = limit if limit is not None and limit < WHOLE_FROM else None
    listed, links = cut_page(registry.specs(), address(f"{OPENEO}/processes"), limit, offset)
    return {"version": PROCESSES_VERSION, "processes": listed, "links": links}
