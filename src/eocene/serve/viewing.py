"""Who may see a layer: all to whom its data are open, its owner, and who got its address from the owner."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Query, Request

from eocene.jobs.job import LOCAL_USER
from eocene.jobs.layers import unknown_layer
from eocene.model import NotFoundError
from eocene.serve.auth import find_address, find_reader
from eocene.serve.rooms import Rooms, RoomsOf
from eocene.serve.schemes import ANYONE

if TYPE_CHECKING:
    from eocene.jobs import Layer

_KEY_LENGTH = 40


@dataclass(frozen=True)
class Viewer:
    """Who asks for a map.

    Parameters
    ----------
    name : str or None
        The user, None without a login.
    key : str
        What came in the address, as its owner was given it.
    """

    name: str | None
    key: str


Key = Annotated[str, Query(max_length=64, description="What opens a service that is not open to all.")]


async def find_viewer(
    request: Request, rooms: RoomsOf, key: Key = "", _noted: Annotated[None, Depends(ANYONE)] = None
) -> Viewer:
    """Return who asks: a reader of public data, or who brings a key instead of a login.

    Without credentials this costs no look into the database, and no change of threads.

    Raises
    ------
    AuthenticationError
        If the operator closed the data, and neither a login nor a key came.
    ForbiddenError
        If there are credentials, and they are not good.
    """
    if key and "authorization" not in request.headers:
        rooms.gate.count_stranger(find_address(request))
        return Viewer(None, key)
    return Viewer(await find_reader(request, rooms), key)


ViewerOf = Annotated[Viewer, Depends(find_viewer)]


def is_open(layer: Layer, rooms: Rooms) -> bool:
    """Tell whether a layer is as open as the catalogue: the workspace's own, or shared by its owner."""
    return layer.shared or layer.owner in (LOCAL_USER, rooms.settings.user)


def make_key(layer: Layer, rooms: Rooms) -> str:
    """Return what opens a layer to whom its owner hands its address; none is as good for another."""
    text = f"layer\n{layer.id}\n{layer.created}"
    return hmac.new(rooms.signing_key, text.encode(), hashlib.sha256).hexdigest()[:_KEY_LENGTH]


def key_query(layer: Layer, rooms: Rooms) -> str:
    """Return what an address of the layer needs beside its path, empty if nothing."""
    return "" if is_open(layer, rooms) else f"key={make_key(layer, rooms)}"


def may_see(layer: Layer, viewer: Viewer, rooms: Rooms) -> bool:
    """Tell whether a layer, switched on, is there for a viewer."""
    if not layer.enabled:
        return False
    if viewer.name == layer.owner:
        return True
    if viewer.key and hmac.compare_digest(viewer.key.encode(), make_key(layer, rooms).encode()):
        return True
    return is_open(layer, rooms) and (rooms.settings.public_data or viewer.name is not None)


def find_layer(rooms: Rooms, layer_id: str, viewer: Viewer, kind: str | None = None) -> Layer:
    """Return a layer that the viewer may see.

    Raises
    ------
    NotFoundError
        If there is none, or it is another's, or switched off, or of another kind.
    """
    layer = rooms.layers.look_up(layer_id)
    if not may_see(layer, viewer, rooms):
        if viewer.name != layer.owner and not is_open(layer, rooms):
            raise unknown_layer(layer_id)
        raise NotFoundError(
            f"The layer {layer_id!r} is switched off.", "Enable it first.", code="ServiceNotFound"
        )
    if kind is not None and layer.kind != kind:
        raise NotFoundError(
            f"The layer {layer_id!r} is a {layer.kind} layer.",
            "Ask for its features." if layer.kind == "vector" else "Ask for its tiles or series.",
        )
    return layer


def cache_rule(layer: Layer, rooms: Rooms) -> str:
    """Return the Cache-Control of what is drawn of a layer: only open ones stay in shared caches."""
    shared = is_open(layer, rooms) and rooms.settings.public_data
    return f"{'public' if shared else 'private'}, max-age=60"
