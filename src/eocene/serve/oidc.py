"""Which OpenID providers users of this server can log in at."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from eocene.serve.rooms import RoomsOf
from eocene.serve.settings import OPENEO

router = APIRouter(prefix=OPENEO, tags=["account"])


@router.get("/credentials/oidc")
def list_providers(rooms: RoomsOf) -> dict[str, Any]:
    """List the OpenID providers; the first is the default."""
    return {"providers": [provider.describe() for provider in rooms.logins.providers]}
