"""The rooms of a workspace, each opened when it is first used."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from eocene.archive import Archive
    from eocene.archive.hot.index import HotAreas
    from eocene.jobs import JobStore, Layers, Users
    from eocene.jobs.events import Rules
    from eocene.learn import ModelRegistry
    from eocene.link import LinkStore
    from eocene.model import Layout


class Rooms:
    """The rooms of one folder; nothing is loaded before it is used."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.layout.root)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every room that was opened."""
        for room in ("rules", "archive", "jobs", "layers", "users", "links"):
            opened = self.__dict__.pop(room, None)
            if opened is not None:
                opened.close()

    @cached_property
    def archive(self) -> Archive:
        """Catalogue and pixels."""
        from eocene.archive import Archive

        return Archive(self.layout)

    @cached_property
    def jobs(self) -> JobStore:
        """Batch jobs."""
        from eocene.jobs import JobStore

        return JobStore(self.layout)

    @cached_property
    def layers(self) -> Layers:
        """Map layers."""
        from eocene.jobs import Layers

        return Layers(self.layout)

    @cached_property
    def users(self) -> Users:
        """Accounts."""
        from eocene.jobs import Users

        return Users(self.layout)

    @cached_property
    def rules(self) -> Rules:
        """What runs and tells when something happens."""
        from eocene.jobs.events import Rules

        return Rules(self.layout, self.archive)

    @cached_property
    def models(self) -> ModelRegistry:
        """Registered models (extra ``learn``)."""
        from eocene.learn import ModelRegistry

        return ModelRegistry(self.layout)

    @cached_property
    def links(self) -> LinkStore:
        """Linked data (extra ``link``)."""
        from eocene.link import LinkStore

        return LinkStore(self.layout.graph)

    @property
    def hot(self) -> HotAreas:
        """The areas that are materialised: iterate over them, or ``drop`` one by its name."""
        return self.archive.hot
