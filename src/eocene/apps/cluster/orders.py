"""Batch jobs by way of the API: what a user of the cluster does, with the openEO client that users have."""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from eocene.model import EoceneError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eocene.apps.steps import Advance

_POLL_S = 0.2


class Orders:
    """Runs graphs as batch jobs of a server, and downloads their results.

    Parameters
    ----------
    url : str
        Of the server.
    user, password : str
        Who orders.
    folder : Path
        Where results are downloaded to, a folder for each job.
    watch : callable
        Called with the id, status and progress (percent) of the job that runs, some times a second.

    Raises
    ------
    UnavailableError
        If the openEO client is not installed.
    """

    def __init__(
        self, url: str, user: str, password: str, folder: Path, watch: Callable[[str, str, float], None]
    ) -> None:
        try:
            openeo: Any = import_module("openeo")
        except ModuleNotFoundError as error:
            raise UnavailableError(
                "The openEO client is not installed.", 'Install it: pip install "eocene[udf]".'
            ) from error
        self._connection: Any = openeo.connect(url).authenticate_basic(user, password)
        self._folder, self._watch = folder, watch

    def run(self, graph: dict[str, Any], title: str, advance: Advance) -> str:
        """Run a graph as a batch job, download what it gives and return the job's id.

        Raises
        ------
        EoceneError
            If the job does not finish; the last line of its log is told.
        """
        job = self._connection.create_job(graph, title=title)
        job.start()
        while (now := job.describe())["status"] in ("queued", "running"):
            progress = float(now.get("progress") or 0.0)
            advance(round(progress), 100)
            self._watch(job.job_id, now["status"], progress)
            time.sleep(_POLL_S)
        if now["status"] != "finished":
            last = [entry["message"] for entry in job.logs()][-1:]
            raise EoceneError(f"The job {title!r} ended as {now['status']}: {' '.join(last)}")
        job.get_results().download_files(self._folder / job.job_id)
        return str(job.job_id)

    def read_log(self, job_id: str) -> list[str]:
        """Return the messages of a job's log, the oldest first."""
        return [str(entry["message"]) for entry in self._connection.job(job_id).logs()]
