"""The vector indexes of a workspace: one folder each, written in one step, named by its content."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from eocene.learn.embed.index import COLUMNS, FORMAT, LISTS, PLACES, SIDECAR, VectorIndex, hash_file
from eocene.learn.embed.lists import build_lists, write_lists
from eocene.model import NotFoundError
from eocene.model.files import make_folder, remove_folder, sync_file, write_json

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.learn.embed.lists import Measured
    from eocene.learn.embed.vectors import Embeddings

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}-[0-9a-f]{12}")


class VectorStore:
    """Writes, lists, opens and deletes vector indexes in a folder.

    Parameters
    ----------
    root : Path
        A folder of a workspace; made when first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, embeddings: Embeddings, *, seed: int = 0) -> VectorIndex:
        """Write ``root/<id>/`` (lists, places, sidecar) in one step and open it.

        The id names the content, so that an index never changes; the same embeddings again change nothing.

        Raises
        ------
        UnavailableError
            If faiss is not installed.
        """
        target = self.root / embeddings.id
        if target.exists():
            return VectorIndex(target)
        with make_folder(target) as temporary:
            lists, measured = build_lists(embeddings.vectors, seed)
            write_lists(lists, temporary / LISTS)
            columns = (embeddings.ids, embeddings.lon, embeddings.lat, embeddings.time)
            table = pa.table(dict(zip(COLUMNS, columns, strict=True)))
            pq.write_table(table, temporary / PLACES, compression="zstd")
            for name in (LISTS, PLACES):
                sync_file(temporary / name)
            write_json(temporary / SIDECAR, _describe(embeddings, measured, temporary))
        return VectorIndex(target)

    def ids(self) -> list[str]:
        """Return the ids of all indexes."""
        there = self.root.iterdir() if self.root.is_dir() else ()
        return sorted(p.name for p in there if _ID.fullmatch(p.name) and p.is_dir() and not p.is_symlink())

    def open(self, index_id: str) -> VectorIndex:
        """Return an index.

        Raises
        ------
        NotFoundError
            If there is none of this id; names those there are.
        DamageError
            If a file is missing or was changed.
        """
        known = self.ids()
        if index_id not in known:
            raise NotFoundError(
                f"There is no index {index_id!r}.",
                f"There are {', '.join(known[:8])}." if known else "Write one with: eocene embed.",
            )
        return VectorIndex(self.root / index_id)

    def delete(self, index_id: str) -> None:
        """Remove an index, damaged or not; who has it open keeps what is mapped.

        Raises
        ------
        NotFoundError
            If there is none of this id.
        """
        if index_id not in self.ids():
            self.open(index_id)
        remove_folder(self.root / index_id)


def _describe(embeddings: Embeddings, measured: Measured, folder: Path) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "id": embeddings.id,
        "name": embeddings.name,
        "unit": embeddings.unit,
        "count": len(embeddings),
        "width": embeddings.width,
        "sources": dict(embeddings.sources),
        "measured": {"probes": measured.probes, "recall": measured.recall},
        "sha256": {name: hash_file(folder / name) for name in (LISTS, PLACES)},
    }
