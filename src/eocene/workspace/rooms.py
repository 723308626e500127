"""The rooms of a workspace, each opened when it is first used."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from eocene.archive import Archive
    from eocene.archive.hot.index import HotAreas
    from eocene.curate.features import FeatureStore
    from eocene.jobs import Accounts, JobStore, Layers, Users
    from eocene.jobs.events import Rules
    from eocene.learn import ModelRegistry
    from eocene.learn.embed import VectorStore
    from eocene.learn.embed.encoders import EncoderStore
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
        for room in ("rules", "archive", "jobs", "layers", "accounts", "links"):
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
        """Batch jobs; what their owners may use is asked here as in a server."""
        from eocene.jobs import JobStore

        store = JobStore(self.layout)
        store.admission = self.accounts.admit_job
        return store

    @cached_property
    def layers(self) -> Layers:
        """Map layers."""
        from eocene.jobs import Layers

        return Layers(self.layout)

    @cached_property
    def accounts(self) -> Accounts:
        """Accounts, with the quota that ``EOCENE_QUOTA`` says for those without another."""
        from eocene.jobs import Accounts, Quota

        return Accounts(self.layout, Quota.of_environment())

    @property
    def users(self) -> Users:
        """Who may log in."""
        return self.accounts.users

    @cached_property
    def rules(self) -> Rules:
        """What runs and tells when something happens."""
        from eocene.jobs.events import Rules

        accounts = self.accounts
        return Rules(self.layout, self.archive, admission=accounts.admit_job, storage=accounts.check_storage)

    @cached_property
    def models(self) -> ModelRegistry:
        """Registered models (extra ``learn``)."""
        from eocene.learn import ModelRegistry

        return ModelRegistry(self.layout)

    @property
    def features(self) -> FeatureStore:
        """Named graphs whose values are kept, and joined as they were known (extra ``learn``)."""
        from eocene.curate.features import FeatureStore

        return FeatureStore(self.layout.root / "features", self.archive)

    @cached_property
    def encoders(self) -> EncoderStore:
        """What turns pixels and chips into vectors (extra ``learn``)."""
        from eocene.learn.embed.encoders import EncoderStore

        return EncoderStore(self.layout.encoders)

    @cached_property
    def embeddings(self) -> VectorStore:
        """Indexes of vectors, searched by examples (extra ``embed``)."""
        from eocene.learn.embed import VectorStore

        return VectorStore(self.layout.embeddings)

    @cached_property
    def links(self) -> LinkStore:
        """Linked data (extra ``link``)."""
        from eocene.link import LinkStore

        return LinkStore(self.layout.graph)

    @property
    def hot(self) -> HotAreas:
        """The areas that are materialised: iterate over them, or ``drop`` one by its name."""
        return self.archive.hot
