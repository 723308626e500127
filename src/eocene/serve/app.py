"""The application: the routes of all families around the rooms of one workspace."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from eocene._version import __version__
from eocene.jobs.crew import Crew
from eocene.jobs.events import keep_rules
from eocene.model import Layout
from eocene.process import registry
from eocene.serve import (
    account,
    auth,
    capabilities,
    collections,
    downloads,
    events,
    explaining,
    files,
    health,
    jobs,
    labels,
    layers,
    legend,
    models,
    ogc_jobs,
    ogc_processes,
    oidc,
    packages,
    page,
    processes,
    results,
    series,
    services,
    sparql,
    stac,
    stac_aggregation,
    stac_assets,
    stac_search,
    stac_transactions,
    tiles,
    udf_runtimes,
    udps,
    validation,
    wmts,
)
from eocene.serve.audit import Auditing
from eocene.serve.docs import install_docs
from eocene.serve.errors import install_handlers
from eocene.serve.fair import PART, FairQueue, WorkingTime
from eocene.serve.middleware import Surroundings
from eocene.serve.openapi import install_openapi
from eocene.serve.rooms import Rooms, open_rooms
from eocene.serve.settings import ServeSettings
from eocene.serve.slashes import MergedSlashes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_ROUTERS = (
    tiles.router,  # first, since maps ask for many
    capabilities.router,
    auth.router,
    account.router,
    collections.router,
    processes.router,
    udf_runtimes.router,
    udps.router,
    validation.router,
    files.router,
    results.router,
    jobs.router,
    downloads.router,
    downloads.files,
    services.router,
    events.router,
    packages.router,
    ogc_processes.router,
    ogc_jobs.router,
    stac.router,
    stac_search.router,
    stac_aggregation.router,
    stac_assets.router,
    stac_transactions.router,
    layers.router,
    legend.router,
    series.router,
    wmts.router,
    sparql.router,
    models.router,
    explaining.router,
    labels.router,
    health.router,
)


def create_app(
    workspace: Layout | Path | str, settings: ServeSettings | None = None, **choices: Any
) -> FastAPI:
    """Make the application of a workspace.

    At the first start a user is made; the password is printed once, on stderr.

    Parameters
    ----------
    workspace : Layout or path
        An existing workspace.
    settings : ServeSettings, optional
        The operator's choices.
    **choices
        Single choices, in place of those of ``settings``.

    Raises
    ------
    InputError
        If the folder is not a workspace.
    """
    layout = workspace if isinstance(workspace, Layout) else Layout(Path(workspace))
    settings = replace(settings or ServeSettings(), **choices)
    rooms = open_rooms(layout, settings)
    # Plug-ins are loaded before there are threads: two that import the same rooms can block each other.
    registry.specs()
    _welcome(rooms)
    app = FastAPI(
        title="Eocene",
        version=__version__,
        description="openEO, STAC, map tiles, series, GeoSPARQL and models of one workspace.",
        docs_url=None,
        redoc_url=None,
        lifespan=_live,
    )
    app.state.rooms = rooms
    slots = {
        "results": settings.results_at_once,
        "tiles": settings.tile_threads,
        "points": settings.point_threads,
    }
    times = WorkingTime(max(slots.values()) / PART)
    app.state.queues = {name: FairQueue(count, times=times) for name, count in slots.items()}
    app.add_middleware(Surroundings, metrics=rooms.metrics, settings=settings, queues=app.state.queues)
    app.add_middleware(Auditing, audit=rooms.accounts.audit)
    app.add_middleware(MergedSlashes)
    install_handlers(app)
    # Capabilities list the routes that there are, so clients ask no more than these.
    routers = (*_ROUTERS, oidc.router) if settings.oidc else _ROUTERS
    for router in routers:
        app.include_router(router)
    app.state.routes = tuple(route for router in routers for route in router.routes)
    install_docs(app)
    install_openapi(app, public_data=settings.public_data)
    app.include_router(capabilities.fallback)
    app.include_router(labels.page)
    app.include_router(page.router)
    return app


@asynccontextmanager
async def _live(app: FastAPI) -> AsyncIterator[None]:
    """Let workers run as long as the application does."""
    rooms: Rooms = app.state.rooms
    try:
        with Crew(rooms.layout.root, rooms.settings.workers) as crew:
            app.state.workers = crew.members
            with keep_rules(rooms.rules):
                yield
    finally:
        rooms.close()


def _welcome(rooms: Rooms) -> None:
    password = rooms.users.start_first(rooms.settings.user)
    if password is not None:
        text = (
            f"First start: log in as {rooms.settings.user!r} with the password {password} (shown only now)."
        )
        print(text, file=sys.stderr, flush=True)
