"""Jobs that are made and queued at once, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.model import EoceneError

if TYPE_CHECKING:
    from eocene.jobs.job import Job
    from eocene.jobs.store import JobStore


def submit_job(store: JobStore, process: dict[str, Any], owner: str, title: str | None = None) -> Job:
    """Make a job and queue it; one that the owner's quota does not admit leaves nothing behind.

    Raises
    ------
    EoceneError
        What :meth:`JobStore.queue` raises.
    """
    job = store.create(process, owner=owner, title=title)
    try:
        return store.queue(job.id, owner)
    except EoceneError:
        store.delete(job.id, owner)
        raise
