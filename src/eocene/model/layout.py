"""Where things lie in a workspace folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True)
class Layout:
    """Paths of a workspace; a pure value, nothing is created.

    Parameters
    ----------
    root : Path
        The folder of the workspace.
    account : str or None
        Whose uploaded files ``files`` means; None for those of all accounts, a folder each.
    """

    root: Path
    account: str | None = None

    @property
    def marker(self) -> Path:
        """The file that says "this folder is a workspace"."""
        return self.root / "eocene.json"

    @property
    def catalogue(self) -> Path:
        """SQLite: collections and items."""
        return self.root / "catalogue.sqlite"

    @property
    def state(self) -> Path:
        """SQLite: users, jobs, services."""
        return self.root / "state.sqlite"

    @property
    def assets(self) -> Path:
        """Files that ingest brought in."""
        return self.root / "assets"

    @property
    def checksums(self) -> Path:
        """Lists of what lies in assets that are folders, each under its own checksum."""
        return self.root / "checksums"

    @property
    def hot(self) -> Path:
        """Materialised areas: one folder an area; all of it can be made again."""
        return self.root / "hot"

    @property
    def files(self) -> Path:
        """What has been uploaded: by the account, or by all of them."""
        everything = self.root / "files"
        if self.account is None:
            return everything
        # Quoted, so that no name leads elsewhere; the names that users can have stay as they are.
        return everything / (quote(self.account, safe="") if self.account.strip(".") else "%2E")

    @property
    def incoming(self) -> Path:
        """Uploads that are not complete yet."""
        return self.root / "incoming"

    @property
    def results(self) -> Path:
        """One folder a job."""
        return self.root / "results"

    @property
    def exports(self) -> Path:
        """Copies of results: one folder a workspace of openEO's export_workspace."""
        return self.root / "exports"

    @property
    def datasets(self) -> Path:
        """One folder a training set."""
        return self.root / "datasets"

    @property
    def labels(self) -> Path:
        """SQLite: what people have labelled."""
        return self.root / "labels.sqlite"

    @property
    def models(self) -> Path:
        """One folder a model."""
        return self.root / "models"

    @property
    def encoders(self) -> Path:
        """One folder an encoder."""
        return self.root / "encoders"

    @property
    def embeddings(self) -> Path:
        """One folder an index of vectors."""
        return self.root / "embeddings"

    @property
    def graph(self) -> Path:
        """The RDF store."""
        return self.root / "graph"
