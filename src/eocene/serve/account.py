"""What users do with their own accounts: personal tokens, and projects that they share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from eocene.jobs.accounts.identity import Identity
from eocene.jobs.accounts.tokens import LONGEST_DAYS
from eocene.model import ForbiddenError
from eocene.serve.auth import Caring
from eocene.serve.bodies import describe_model, parse_as
from eocene.serve.rooms import RoomsOf

router = APIRouter(prefix="/account", tags=["account"])


VISIBLE = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
"""A text that can be seen and kept: PostgreSQL, for one, refuses some of what cannot."""


class TokenRequest(BaseModel):
    """A personal token that is to be made."""

    model_config = ConfigDict(extra="forbid")
    title: str = Field(max_length=200, pattern=VISIBLE, examples=["nightly script"])
    scope: str = Field("read", pattern="^(read|write)$")
    days: float = Field(90, gt=0, le=LONGEST_DAYS)
    project: str | None = Field(None, max_length=64)


class ProjectRequest(BaseModel):
    """A project that is to be made."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=r"^[A-Za-z0-9_\-.]{1,56}$", examples=["water"])
    title: str | None = Field(None, max_length=200, pattern=VISIBLE)


class MemberRequest(BaseModel):
    """The role of a member."""

    model_config = ConfigDict(extra="forbid")
    role: str = Field("member", pattern="^(owner|member|viewer)$")


TokenBody = Annotated[TokenRequest, Depends(parse_as(TokenRequest))]
ProjectBody = Annotated[ProjectRequest, Depends(parse_as(ProjectRequest))]
MemberBody = Annotated[MemberRequest, Depends(parse_as(MemberRequest))]


def find_person(who: Caring) -> Identity:
    """Return who calls, after a login: a personal token must not make others or let people in.

    Raises
    ------
    ForbiddenError
        PermissionsInsufficient, for a personal token.
    """
    if who.kind == "personal":
        raise ForbiddenError(
            "A personal token may not do this.", "Log in first.", code="PermissionsInsufficient"
        )
    return who


Person = Annotated[Identity, Depends(find_person)]


@router.get("/tokens")
def list_tokens(who: Person, rooms: RoomsOf) -> dict[str, Any]:
    """List the caller's personal tokens, without what would open anything."""
    return {"tokens": list(rooms.accounts.tokens.list(who.actor))}


@router.post("/tokens", status_code=201, openapi_extra=describe_model(TokenRequest))
def create_token(who: Person, body: TokenBody, rooms: RoomsOf) -> dict[str, Any]:
    """Make a personal token; it is told only here."""
    token, shown = rooms.accounts.tokens.create(
        who.actor, body.title, scope=body.scope, days=body.days, project=body.project
    )
    return shown | {"token": token}


@router.delete("/tokens/{token_id}", status_code=204)
def revoke_token(token_id: str, who: Person, rooms: RoomsOf) -> Response:
    """End a personal token at once."""
    rooms.accounts.tokens.revoke(who.actor, token_id)
    return Response(status_code=204)


@router.get("/projects")
def list_projects(who: Person, rooms: RoomsOf) -> dict[str, Any]:
    """List the projects that the caller is in."""
    return {"projects": list(rooms.accounts.projects.list(who.actor))}


@router.post("/projects", status_code=201, openapi_extra=describe_model(ProjectRequest))
def create_project(who: Person, body: ProjectBody, rooms: RoomsOf) -> dict[str, Any]:
    """Make a project that the caller owns."""
    return rooms.accounts.projects.create(body.name, who.actor, body.title)


@router.get("/projects/{project_id}")
def describe_project(project_id: str, who: Person, rooms: RoomsOf) -> dict[str, Any]:
    """Return a project that the caller is in."""
    return rooms.accounts.projects.get(project_id, who.actor)


@router.put(
    "/projects/{project_id}/members/{user_id}", status_code=204, openapi_extra=describe_model(MemberRequest)
)
def set_member(project_id: str, user_id: str, who: Person, body: MemberBody, rooms: RoomsOf) -> Response:
    """Let a user into a project, or change the role; owners may."""
    rooms.accounts.projects.set_member(project_id, who.actor, user_id, body.role)
    return Response(status_code=204)


@router.delete("/projects/{project_id}/members/{user_id}", status_code=204)
def remove_member(project_id: str, user_id: str, who: Person, rooms: RoomsOf) -> Response:
    """Take a user out of a project; owners may, and everybody may leave."""
    rooms.accounts.projects.set_member(project_id, who.actor, user_id, None)
    return Response(status_code=204)
