"""Files that users upload, in an object store: received on the disk, then put whole."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eocene.archive.store import Bucket, Entry, open_bucket
from eocene.jobs.job import format_instant
from eocene.jobs.uploads import Upload, Uploads, miss_upload, name_folder

if TYPE_CHECKING:
    from eocene.archive.fetch import Content
    from eocene.model import Layout


@dataclass(frozen=True)
class StoredUploads(Uploads):
    """The uploaded files of one account in a store: objects below ``files/<account>``."""

    bucket: Bucket

    @property
    def _room(self) -> str:
        return self.layout.files.relative_to(self.layout.root).as_posix()

    def list(self) -> list[dict[str, Any]]:
        """Return path, size (bytes) and time of change (RFC 3339) of all files, by path."""
        return sorted(map(self._tell, self.bucket.list(self._room)), key=lambda file: str(file["path"]))

    def measure(self) -> int:
        """Return the bytes of all files."""
        return sum(entry.size for entry in self.bucket.list(self._room))

    def locate(self, path: str) -> str:
        """Return the URL of a file; raises as :meth:`find`."""
        return self.bucket.href(self._get(path).name)

    def open(self, path: str) -> Content:
        """Return a file for reading."""
        return self.bucket.open(self._name(path))

    def receive(self, path: str, limit: int, room: int | None = None) -> Upload:
        """Return an upload to a path; as of files on the disk."""
        name = self._name(path)
        if self._is_folder(name):
            raise name_folder(path)
        there = self.bucket.find(name)
        self.layout.incoming.mkdir(parents=True, exist_ok=True)
        room = None if room is None else room + (there.size if there else 0)
        temporary = self.layout.incoming / secrets.token_hex(8)
        return _StoredUpload(self._place(path), temporary, limit, room, uploads=self, path=path)

    def put(self, path: str, upload: Upload) -> None:
        """Put an upload in its place; raises NotADirectoryError if a part of the path is a file."""
        folders = path.split("/")[:-1]
        for count in range(1, len(folders) + 1):
            if self.bucket.find(self._name("/".join(folders[:count]))) is not None:
                raise NotADirectoryError(path)
        self.bucket.put(self._name(path), upload.temporary)

    def delete(self, path: str) -> None:
        """Remove a file."""
        self.bucket.delete([self._get(path).name])

    def describe(self, path: str) -> dict[str, Any]:
        """Return path, size and time of change of a file."""
        return self._tell(self._get(path))

    def _get(self, path: str) -> Entry:
        name = self._name(path)
        entry = self.bucket.find(name)
        if entry is None:
            raise name_folder(path) if self._is_folder(name) else miss_upload(path)
        return entry

    def _is_folder(self, name: str) -> bool:
        return next(self.bucket.list(name), None) is not None

    def _name(self, path: str) -> str:
        self._place(path)  # refuses what is no path
        return f"{self._room}/{path}"

    def _tell(self, entry: Entry) -> dict[str, Any]:
        path = entry.name.removeprefix(f"{self._room}/")
        return {"path": path, "size": entry.size, "modified": format_instant(entry.changed.timestamp())}


@dataclass
class _StoredUpload(Upload):
    uploads: StoredUploads = field(kw_only=True)
    path: str = field(kw_only=True)

    def _move(self) -> None:
        self.uploads.put(self.path, self)


def open_uploads(layout: Layout) -> Uploads:
    """Return the uploaded files of the account of a layout: in the store, or in the workspace's folder."""
    bucket = open_bucket()
    return Uploads(layout) if bucket is None else StoredUploads(layout, bucket)
