"""Batch jobs of an application: run in this process, found again, deleted."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from eocene.jobs import JobStore, run_worker
from eocene.model import EoceneError
from eocene.process.output.results import write_results

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from eocene.apps.steps import Advance
    from eocene.archive import Archive
    from eocene.jobs.worker import WriteResults
    from eocene.process import Plan
    from eocene.process.output.stac import ResultInfo

    RunJob = Callable[[dict[str, Any], str, Advance], str]
    """Runs a graph as a batch job of this title, tells its progress, returns the id of the finished job."""


def run_here(archive: Archive, graph: dict[str, Any], title: str, advance: Advance) -> str:
    """Create, queue and run a batch job in this process, and return its id."""
    with closing(JobStore(archive.layout)) as store:
        job = store.create({"process_graph": graph}, title=title)
        store.queue(job.id)
        run_worker(archive, store, once=True, write_results=_with_progress(advance))
        ended = store.get(job.id)
        if ended.status != "finished":
            lines = store.logs(job.id)
            reason = lines[-1]["message"] if lines else ended.status
            raise EoceneError(f"The job {title!r} ended as {ended.status}: {reason}")
    return job.id


def find_earlier(archive: Archive, titles: Sequence[str]) -> list[str]:
    """Return the jobs of earlier runs; one that was cut off is deleted at once, or it would run again."""
    with closing(JobStore(archive.layout)) as store:
        mine = [job for job in store.list() if job.title in titles]
        for job in mine:
            if job.status != "finished":
                store.delete(job.id)
        return [job.id for job in mine if job.status == "finished"]


def delete_jobs(archive: Archive, ids: Sequence[str]) -> None:
    """Delete jobs that newer ones have replaced on the map."""
    with closing(JobStore(archive.layout)) as store:
        for job_id in ids:
            store.delete(job_id)


def _with_progress(advance: Advance) -> WriteResults:
    """Return the writing of results that also tells its progress here."""

    def write(plan: Plan, folder: Path, info: ResultInfo, *, progress: Advance, **more: Any) -> Any:
        def both(finished: int, total: int) -> None:
            progress(finished, total)
            advance(finished, total)

        return write_results(plan, folder, info, progress=both, **more)

    return write
