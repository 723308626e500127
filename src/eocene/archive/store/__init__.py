"""Where the large files of a workspace lie if not in its folder: in a bucket of an object store."""

from eocene.archive.store.bucket import (
    Bucket,
    Entry,
    StoreRefusedError,
    StoreUnavailableError,
    open_bucket,
)

__all__ = ["Bucket", "Entry", "StoreRefusedError", "StoreUnavailableError", "open_bucket"]
