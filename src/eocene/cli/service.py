"""The server, and the demonstration that ends in one."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eocene.cli.console import HERE, WorkspaceOption, app, open_or_make, open_workspace, print_json
from eocene.model import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable


@app.command()
def demo(
    data: Annotated[Path | None, typer.Option(help="Real products instead of a simulated world.")] = None,
    folder: Annotated[Path, typer.Option(help="Where the demonstration lives.")] = Path("demo"),
    size: Annotated[int, typer.Option(help="Edge of a simulated tile in pixels.")] = 1024,
    serve: Annotated[bool, typer.Option(help="Serve the result when done.")] = True,
    port: Annotated[int, typer.Option(help="Port of the server.")] = 8080,
) -> None:
    """Run the whole chain, print a table and serve the result."""
    from rich.console import Console

    from eocene.apps.demo import run_demo
    from eocene.apps.steps import Steps

    steps = Steps()
    name = "workspace" if data is None else f"workspace-{data.resolve().name}"
    with open_or_make(folder / name) as workspace:
        figures = run_demo(
            workspace.layout, steps, data=data, simulated=folder / f"archive-{size}", size=size
        )
    Console(width=None if sys.stdout.isatty() else 120).print(steps.as_table())
    print_json(figures)
    if serve:
        sys.stderr.write(f"Look at http://127.0.0.1:{port}/ (stop with Ctrl-C)\n")
        serve_workspace(folder / name, "127.0.0.1", port, workers=1)


@app.command(name="demo-cluster")
def demo_cluster(
    folder: Annotated[Path, typer.Option(help="Where the demonstration lives.")] = Path("demo-cluster"),
    size: Annotated[int, typer.Option(help="Edge of a simulated tile in pixels.")] = 1024,
    loopback: Annotated[
        bool, typer.Option(help="Hosts are addresses 127.0.1.x, not namespaces; needs no root.")
    ] = False,
) -> None:
    """Run the chain on one machine, then on a cluster of hosts of which two are lost, and compare.

    Ends with 1 if any output differs.
    """
    from rich.console import Console

    from eocene.apps.cluster import run_cluster_demo
    from eocene.apps.steps import Steps

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # cleans up as after Ctrl-C
    console = Console(width=None if sys.stdout.isatty() else 120)
    found = run_cluster_demo(folder, Steps(), console, size=size, loopback=loopback)
    print_json(found)
    raise typer.Exit(0 if found["equal"] else 1)


@app.command()
def serve(
    workspace: WorkspaceOption = HERE,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8080,
    workers: Annotated[int, typer.Option(help="Processes that run jobs.")] = 1,
    public_url: Annotated[
        str | None,
        typer.Option(envvar="EOCENE_PUBLIC_URL", help="The address that clients see, behind a proxy."),
    ] = None,
) -> None:
    """Serve the workspace: openEO, STAC, tiles, series, SPARQL and the page.

    With port 0 the address is printed as soon as the server answers there.
    """
    open_workspace(workspace, create=True).close()
    announce = None if port else (lambda url: print_json({"url": url}))
    serve_workspace(workspace, host, port, announce=announce, workers=workers, public_url=public_url)


def serve_workspace(
    workspace: Path, host: str, port: int, *, announce: Callable[[str], None] | None = None, **choices: Any
) -> None:
    """Serve until the process is told to stop; raises UnavailableError without the extra ``serve``."""
    try:
        from eocene.serve import serve as run_server
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"The server needs the package {error.name}.", 'Install it: pip install "eocene[serve]".'
        ) from error
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    run_server(workspace.absolute(), host, port, announce=announce, **choices)


def _end(*_: object) -> None:
    """Leave with code 0: to be told to stop is how a server ends."""
    raise SystemExit(0)
