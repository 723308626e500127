"""Commands of the operator on accounts: users, their tokens and limits, and the audit log."""

from __future__ import annotations

import getpass
import json
import secrets
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eocene.cli.console import HERE, WorkspaceOption, app, open_workspace, print_json
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.jobs import Accounts

users = typer.Typer(help="Who may use the server.", no_args_is_help=True)
tokens = typer.Typer(help="Personal access tokens of users.", no_args_is_help=True)
app.add_typer(users, name="users")
app.add_typer(tokens, name="tokens")

Name = Annotated[str, typer.Argument(help="Name of the user.")]
FromStdin = Annotated[bool, typer.Option("--stdin", help="Read the password from standard input.")]


@contextmanager
def open_accounts(workspace: Any, action: str | None = None, target: str | None = None) -> Iterator[Accounts]:
    """Open the accounts of a workspace; what is done without an error is noted in the audit log."""
    from eocene.jobs import Accounts, Quota

    with open_workspace(workspace) as ws:
        accounts = Accounts(ws.layout, Quota.of_environment())
        try:
            yield accounts
            if action:
                accounts.audit.add(action, actor=f"operator:{getpass.getuser()}", target=target)
        finally:
            accounts.close()


@users.command("list")
def list_users(workspace: WorkspaceOption = HERE) -> None:
    """List all accounts, those of projects and of OpenID providers, too."""
    with open_accounts(workspace) as accounts:
        print_json(list(accounts.users.list()))


@users.command("add")
def add_user(name: Name, workspace: WorkspaceOption = HERE, stdin: FromStdin = False) -> None:
    """Add a local user; a password that is made is printed, only now."""
    with open_accounts(workspace, "users add", name) as accounts:
        if name in {user["name"] for user in accounts.users.list()}:
            raise InputError(f"The user {name!r} is there already.", "Use `eocene users password`.")
        _set_password(accounts, name, stdin=stdin)


@users.command("password")
def change_password(name: Name, workspace: WorkspaceOption = HERE, stdin: FromStdin = False) -> None:
    """Change the password of a local user, whose tokens end; opens a closed account again."""
    with open_accounts(workspace, "users password", name) as accounts:
        if {"local"} != {user["kind"] for user in accounts.users.list() if user["name"] == name}:
            raise InputError(f"There is no local user {name!r}.", "List them with `eocene users list`.")
        _set_password(accounts, name, stdin=stdin)


@users.command("remove")
def remove_user(name: Name, workspace: WorkspaceOption = HERE) -> None:
    """Let a user in no more; jobs stay, and so does the name, so that nobody can inherit them."""
    with open_accounts(workspace, "users remove", name) as accounts:
        accounts.users.close_account(name)
        print_json({"closed": name})


@users.command("roles")
def set_roles(
    name: Name,
    roles: Annotated[list[str] | None, typer.Argument(help="editor; none takes all away.")] = None,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Say the roles of a user; an editor may change the catalogue."""
    with open_accounts(workspace, "users roles", f"{name}: {', '.join(roles or ())}") as accounts:
        accounts.users.set_roles(name, roles or ())
        print_json({"name": name, "roles": sorted(accounts.users.roles(name))})


@users.command("quota")
def set_quota(
    name: Name,
    limits: Annotated[list[str] | None, typer.Argument(help="jobs=4 requests=600 storage=null …")] = None,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Say the limits of an account, in place of those said before; without any, those of all hold."""
    given = dict(_read_limit(text) for text in limits or ())
    with open_accounts(workspace, "users quota", f"{name}: {json.dumps(given)}") as accounts:
        accounts.set_quota(name, given)
        print_json({"name": name, "quota": accounts.quota(name).to_dict()})


@tokens.command("create")
def create_token(
    user: Name,
    title: Annotated[str, typer.Argument(help="What it is for.")],
    workspace: WorkspaceOption = HERE,
    scope: Annotated[str, typer.Option(help="read or write")] = "read",
    days: Annotated[float, typer.Option(help="How long it works.")] = 90,
    project: Annotated[str | None, typer.Option(help="Project that it opens.")] = None,
) -> None:
    """Make a personal token of a user; it is printed only now."""
    with open_accounts(workspace, "tokens create", user) as accounts:
        token, shown = accounts.tokens.create(user, title, scope=scope, days=days, project=project)
        print_json(shown | {"token": token})


@tokens.command("list")
def list_tokens(user: Name, workspace: WorkspaceOption = HERE) -> None:
    """List the personal tokens of a user."""
    with open_accounts(workspace) as accounts:
        print_json(list(accounts.tokens.list(user)))


@tokens.command("revoke")
def revoke_token(
    user: Name,
    token: Annotated[str, typer.Argument(help="Id of the token.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """End a personal token at once."""
    with open_accounts(workspace, "tokens revoke", f"{user}: {token}") as accounts:
        accounts.tokens.revoke(user, token)
        print_json({"revoked": token})


@app.command()
def audit(
    workspace: WorkspaceOption = HERE,
    actor: Annotated[str | None, typer.Option(help="Only what this person did.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only what happened after, in UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many entries.")] = 1000,
) -> None:
    """Print who did what, one JSON object a line, the newest first."""
    instant = None if since is None else since.replace(tzinfo=since.tzinfo or UTC).timestamp()
    with open_accounts(workspace) as accounts:
        for entry in accounts.audit.read(actor=actor, since=instant, limit=limit):
            print_json(entry)


def _set_password(accounts: Accounts, name: str, *, stdin: bool) -> None:
    password = sys.stdin.readline().rstrip("\n") if stdin else secrets.token_urlsafe(12)
    accounts.users.set_password(name, password)
    print_json({"name": name} | ({} if stdin else {"password": password}))


def _read_limit(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    try:
        return name, json.loads(value if sign else "")
    except ValueError as error:
        raise InputError(f"The limit {text!r} is not NAME=NUMBER.", "Write for instance jobs=4.") from error
