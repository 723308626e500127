"""Rules: make, look, change, delete; the events that they have met, as JSON and as an Atom feed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Response

from eocene.jobs.job import format_instant
from eocene.serve.atom import MEDIA_TYPE, write_feed
from eocene.serve.auth import Caller
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.paging import link_page
from eocene.serve.processes import EXAMPLE
from eocene.serve.rooms import Address, AddressOf, RoomsOf, join_path, link
from eocene.serve.settings import OPENEO
from eocene.serve.signing import check_signature, sign_link

if TYPE_CHECKING:
    from eocene.jobs.events import Rule

router = APIRouter(prefix="/rules", tags=["rules"])

_FEED_LIFE_S = 10 * 365 * 86_400
_SHOWN = 100
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
_EXAMPLE = {
    "title": "Each Monday",
    "when": {"kind": "schedule", "cron": "0 6 * * 1"},
    "run": {"process": EXAMPLE},
}


@router.get("")
def list_rules(caller: Caller, rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """List the caller's rules, the newest first."""
    rules = [_describe(rule, address, rooms.signing_key) for rule in rooms.rules.list(caller)]
    return {"rules": rules, "links": [link("self", address("/rules"))]}


@router.post("", status_code=201, openapi_extra=describe_body(_EXAMPLE))
def create_rule(caller: Caller, body: JsonObject, rooms: RoomsOf, address: AddressOf) -> Response:
    """Keep a rule; it is looked at from now on."""
    rule = rooms.rules.create(body, owner=caller)
    return Response(status_code=201, headers={"Location": address(f"/rules/{rule.id}")})


@router.get("/{rule_id}")
def describe_rule(rule_id: str, caller: Caller, rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """Return a rule, with the secrets of its webhooks and the address of its feed."""
    return _describe(rooms.rules.get(rule_id, caller), address, rooms.signing_key)


@router.patch("/{rule_id}", status_code=204, openapi_extra=describe_body({"enabled": False}))
def update_rule(rule_id: str, caller: Caller, body: JsonObject, rooms: RoomsOf) -> Response:
    """Change members of a rule; each is replaced whole."""
    rooms.rules.update(rule_id, body, caller)
    return Response(status_code=204)


@router.delete("/{rule_id}", status_code=204)
def delete_rule(rule_id: str, caller: Caller, rooms: RoomsOf) -> Response:
    """Delete a rule and what it has noted; the jobs that it has started stay."""
    rooms.rules.delete(rule_id, caller)
    return Response(status_code=204)


@router.get("/{rule_id}/events")
def list_events(
    rule_id: str, caller: Caller, rooms: RoomsOf, address: AddressOf, limit: Limit = 100, offset: Offset = 0
) -> dict[str, Any]:
    """List the events that a rule has met, the newest first, with the states of their jobs."""
    found = rooms.rules.events(rule_id, caller, limit=limit + 1, offset=offset)
    home = address(f"{join_path(['rules', rule_id])}/events")
    links = link_page(home, limit, offset, len(found) > limit)
    return {"events": list(found[:limit]), "links": links}


@router.get("/{rule_id}/logs")
def list_rule_logs(rule_id: str, caller: Caller, rooms: RoomsOf, limit: Limit = 1000) -> dict[str, Any]:
    """Return the last lines of a rule's log, the oldest first."""
    return {"logs": list(rooms.rules.logs(rule_id, caller, limit=limit))}


@router.get(
    "/{rule_id}/feed",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
def show_feed(
    rule_id: str,
    expires: Annotated[int, Query(ge=0, le=2**40)],
    signature: str,
    rooms: RoomsOf,
    address: AddressOf,
) -> Response:
    """Return the events of a rule as an Atom feed, to whoever has its signed address."""
    check_signature(rooms.signing_key, _feed_path(rule_id), expires, signature, time.time())
    rule = rooms.rules.get(rule_id)
    events = [(told, _find_results(told, address)) for told in rooms.rules.events(rule_id, limit=_SHOWN)]
    body = write_feed(
        rule.title, _feed_address(rule, address, rooms.signing_key), format_instant(rule.updated), events
    )
    return Response(body, media_type=MEDIA_TYPE)


def _describe(rule: Rule, address: Address, key: bytes) -> dict[str, Any]:
    home = address(f"/rules/{rule.id}")
    return {
        "id": rule.id,
        "enabled": rule.enabled,
        "created": format_instant(rule.created),
        "updated": format_instant(rule.updated),
        **rule.document,
        "links": [
            link("self", home),
            link("events", f"{home}/events"),
            link("monitor", f"{home}/logs"),
            link("alternate", _feed_address(rule, address, key), MEDIA_TYPE),
        ],
    }


def _feed_path(rule_id: str) -> str:
    return f"{join_path(['rules', rule_id])}/feed"


def _feed_address(rule: Rule, address: Address, key: bytes) -> str:
    # Of the rule's own time, so that a reader of feeds sees one address that stays.
    return address(sign_link(key, _feed_path(rule.id), int(rule.created) + _FEED_LIFE_S))


def _find_results(told: dict[str, Any], address: Address) -> str | None:
    job = told["job"]
    return address(f"{OPENEO}/jobs/{job['id']}/results") if job and job["status"] == "finished" else None
