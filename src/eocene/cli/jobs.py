"""Commands on batch jobs, and the worker that runs them."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from eocene.cli.console import HERE, WorkspaceOption, app, open_workspace, print_json


@app.command()
def jobs(
    job: Annotated[str | None, typer.Argument(help="A job id; all jobs by default.")] = None,
    workspace: WorkspaceOption = HERE,
    submit: Annotated[Path | None, typer.Option(help="Create and queue a job from a graph file.")] = None,
    title: Annotated[str | None, typer.Option(help="Title of the job that is submitted.")] = None,
    cancel: Annotated[bool, typer.Option(help="Cancel the job.")] = False,
    logs: Annotated[bool, typer.Option(help="Print the job's log.")] = False,
) -> None:
    """List, submit, cancel or look into batch jobs; `eocene worker` runs them."""
    from eocene.jobs import LOCAL_USER
    from eocene.jobs.submission import submit_job
    from eocene.process.graph import load_graph

    with open_workspace(workspace) as ws:
        if submit is not None:
            graph = load_graph(submit)
            ws.plan(graph)
            ws.accounts.check_storage(LOCAL_USER)
            print_json(submit_job(ws.jobs, {"process_graph": graph}, LOCAL_USER, title).to_openeo(full=False))
        elif job is None:
            print_json([j.to_openeo(full=False) for j in ws.jobs.list()])
        elif cancel:
            print_json(ws.jobs.cancel(job).to_openeo(full=False))
        else:
            print_json(list(ws.jobs.logs(job)) if logs else ws.jobs.get(job).to_openeo())


@app.command()
def worker(
    workspace: WorkspaceOption = HERE,
    once: Annotated[bool, typer.Option(help="Stop when no job waits.")] = False,
    processes: Annotated[int, typer.Option(min=1, help="How many jobs run at once.")] = 1,
    attended: Annotated[bool, typer.Option(hidden=True, help="End when the input closes.")] = False,
) -> None:
    """Run queued jobs, each worker in a process of its own, until told to stop."""
    from eocene.jobs import run_worker
    from eocene.jobs.crew import Crew, run_attended
    from eocene.serve.logging import configure_logging

    configure_logging()
    with open_workspace(workspace) as ws:
        if once:
            print_json({"ended": run_worker(ws.archive, ws.jobs, once=True)})
            return
        if attended:
            run_attended(ws.archive, ws.jobs)
            return
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with Crew(workspace.absolute(), processes):
        stopped.wait()
