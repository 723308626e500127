"""Where the large files of a workspace lie if not in its folder: in a bucket of an object store."""

from eocene.archive.store.bucket import (
    Bucket,
    Entry,
    StoreRefusedError,
    StoreUnavailableError,
    is_stored,
    open_bucket,
    open_object,
)

__all__ = [
    "Bucket",
    "Entry",
    "StoreRefusedError",
    "StoreUnavailableError",
    "is_stored",
    "open_bucket",
    "open_object",
]
