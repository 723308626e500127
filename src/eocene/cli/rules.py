"""Commands on rules: what runs and tells when something happens."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eocene.cli.console import HERE, WorkspaceOption, app, open_workspace, print_json

if TYPE_CHECKING:
    from eocene.jobs.events import Rule

rules = typer.Typer(help="Run a graph and tell when something happens.", no_args_is_help=True)
app.add_typer(rules, name="rules")

RuleId = Annotated[str, typer.Argument(help="Id of the rule.")]


@rules.command("list")
def list_rules(workspace: WorkspaceOption = HERE) -> None:
    """List the rules."""
    with open_workspace(workspace) as ws:
        print_json([_describe(rule) for rule in ws.rules.list()])


@rules.command()
def add(
    rule: Annotated[Path, typer.Argument(help="JSON file with when, run and tell.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Keep a rule; `eocene serve` or `eocene rules run` evaluates it from now on."""
    from eocene.process.strict_json import read_json_file

    with open_workspace(workspace) as ws:
        print_json(_describe(ws.rules.create(read_json_file(rule, f"The rule {rule.name!r}"))))


@rules.command()
def remove(rule: RuleId, workspace: WorkspaceOption = HERE) -> None:
    """Delete a rule and what it has noted; its jobs stay."""
    with open_workspace(workspace) as ws:
        ws.rules.delete(rule)
    print_json({"removed": rule})


@rules.command()
def events(rule: RuleId, workspace: WorkspaceOption = HERE) -> None:
    """List the events that a rule has met, the newest first."""
    with open_workspace(workspace) as ws:
        print_json(ws.rules.events(rule))


@rules.command()
def logs(rule: RuleId, workspace: WorkspaceOption = HERE) -> None:
    """Print the log of a rule, the oldest line first."""
    with open_workspace(workspace) as ws:
        print_json(ws.rules.logs(rule))


@rules.command("run")
def run(
    workspace: WorkspaceOption = HERE,
    once: Annotated[bool, typer.Option(help="Stop when nothing is due.")] = False,
) -> None:
    """Evaluate the rules, until told to stop; any number of these may run."""
    from eocene.jobs.events import run_rules

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with open_workspace(workspace) as ws:
        print_json({"events": run_rules(ws.rules, once=once, stop=stop)})


def _describe(rule: Rule) -> dict[str, Any]:
    return {"id": rule.id, "owner": rule.owner, "enabled": rule.enabled, **rule.document}
