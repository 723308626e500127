"""What the routes of one server share: the rooms of its workspace and the server's own settings."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request

from eocene.archive import Archive
from eocene.jobs import Accounts, JobStore, Layers, Users
from eocene.jobs.events import Rules
from eocene.jobs.own_processes import OwnProcesses
from eocene.model import InputError, Layout
from eocene.serve.drawing import Drawing
from eocene.serve.limits import Gate
from eocene.serve.logins import Logins
from eocene.serve.metrics import Metrics
from eocene.serve.plans import LayerPlans
from eocene.serve.recent import Recent
from eocene.serve.settings import ServeSettings

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Rooms:
    """The rooms behind the routes; each is safe to call from any thread."""

    layout: Layout
    settings: ServeSettings
    archive: Archive
    store: JobStore
    accounts: Accounts
    users: Users
    gate: Gate
    logins: Logins
    layers: Layers
    own_processes: OwnProcesses
    rules: Rules
    metrics: Metrics
    plans: LayerPlans
    drawing: Drawing
    features: Recent[str]
    opened: Recent[Any]
    pool: ThreadPoolExecutor
    points: ThreadPoolExecutor
    signing_key: bytes

    def links(self) -> Any:
        """Return the store of linked data, opened when it is first asked for.

        Raises
        ------
        UnavailableError
            If the extra ``link`` is not installed.
        """
        from eocene.link import LinkStore

        return self.opened.find("links", lambda: LinkStore(self.layout.graph))

    def close(self) -> None:
        """Stop the threads and close the stores."""
        for pool in (self.pool, self.points):
            pool.shutdown(wait=True, cancel_futures=True)
        stores = (self.store, self.accounts, self.layers, self.own_processes, self.rules)
        for store in (*stores, self.archive.catalogue, *self.opened.values()):
            store.close()


def open_rooms(layout: Layout, settings: ServeSettings) -> Rooms:
    """Open the stores of a workspace.

    Raises
    ------
    InputError
        If the folder is not a workspace; nothing is written into it.
    """
    if not layout.marker.is_file():
        raise InputError(
            f"The folder {str(layout.root)!r} is not a workspace.",
            "Name a workspace, or make one with eocene.open(path).",
        )
    accounts, archive = Accounts(layout, settings.quota), Archive(layout)
    users, store = accounts.users, JobStore(layout)
    store.admission = accounts.admit_job
    own_processes = OwnProcesses(layout)
    plans = LayerPlans(archive, own_processes, store)
    return Rooms(
        layout=layout,
        settings=settings,
        archive=archive,
        store=store,
        accounts=accounts,
        users=users,
        gate=Gate(accounts),
        logins=Logins(settings.oidc, users),
        layers=Layers(layout),
        own_processes=own_processes,
        rules=Rules(layout, archive, admission=accounts.admit_job, storage=accounts.check_storage),
        metrics=Metrics(),
        plans=plans,
        drawing=Drawing(plans, settings.tile_cache),
        features=Recent(8),
        opened=Recent(4),
        pool=ThreadPoolExecutor(settings.tile_threads, thread_name_prefix="tiles"),
        points=ThreadPoolExecutor(settings.point_threads, thread_name_prefix="points"),
        signing_key=users.signing_key(),
    )


async def get_rooms(request: Request) -> Rooms:
    """Return the rooms of the server that got the request."""
    rooms: Rooms = request.app.state.rooms
    return rooms  # async, as the next: FastAPI would call a plain function in another thread


class Address:
    """Makes absolute addresses of this server, as the client sees it."""

    def __init__(self, base: str) -> None:
        self.base = base

    def __call__(self, path: str) -> str:
        """Return the address of a path that begins with a slash."""
        return self.base + path


async def get_address(request: Request) -> Address:
    """Return the address of the server that got the request."""
    settings = (await get_rooms(request)).settings
    return Address((settings.public_url or str(request.base_url)).rstrip("/"))


def join_path(parts: Iterable[str]) -> str:
    """Return a path of these parts, each quoted: ids may hold slashes or blanks."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def link(rel: str, href: str, media_type: str = "application/json", **more: Any) -> dict[str, Any]:
    """Return a web link as openEO and STAC write it."""
    return {"rel": rel, "href": href, "type": media_type} | more


RoomsOf = Annotated[Rooms, Depends(get_rooms)]
AddressOf = Annotated[Address, Depends(get_address)]
