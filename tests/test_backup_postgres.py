"""State and catalogue in PostgreSQL are part of a backup, and come back into empty databases."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import eocene
from eocene.jobs.backup import BackupFolder, back_up, restore_workspace
from eocene.model import InputError, StateError, UnavailableError
from eocene.testing.postgres import PostgresServer
from tests.backups import (
    back_up_under_load,
    check_it_agrees_with_itself,
    check_it_has_what_was_acknowledged,
    check_unchanged_jobs_are_the_same,
    describe,
    finish_a_job,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("pypgstac", reason="the extra eocene[postgres] is not installed")


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[PostgresServer, PostgresServer]]:
    """Two PostgreSQL servers, which share nothing, not even roles."""
    with tempfile.TemporaryDirectory(prefix="eocene-pg-") as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)  # the servers may run as another user
        try:
            one, two = (stack.enter_context(PostgresServer(Path(folder) / name)) for name in "ab")
        except UnavailableError as error:
            pytest.skip(str(error))
        yield one, two


def use_new_databases(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    state = server.url(server.make_database())
    monkeypatch.setenv("EOCENE_DATABASE", state.replace("postgresql://", "postgresql+psycopg://"))
    monkeypatch.setenv("EOCENE_CATALOGUE", server.url(server.make_database()))


@pytest.fixture
def workspace(servers, simulated_world, tmp_path, monkeypatch) -> Iterator[eocene.Workspace]:
    """A workspace on the first server, with items and a user."""
    use_new_databases(servers[0], monkeypatch)
    with eocene.open(tmp_path / "workspace") as ws:
        ws.ingest(simulated_world.folder / "sentinel-2-l2a")
        ws.users.set_password("ada", "correct horse")
        yield ws


@pytest.mark.long
def test_databases_are_restored_into_empty_ones(workspace, servers, tmp_path, monkeypatch):
    job = workspace.jobs.create(
        {"process_graph": {"a": {"process_id": "e", "arguments": {}, "result": True}}}
    )
    before = describe(workspace.layout.root)
    snapshot = back_up(workspace.layout, tmp_path / "backups").snapshot
    assert before["items"]
    assert before["jobs"].keys() == {job.id}
    assert set(snapshot.databases) == {"EOCENE_DATABASE", "EOCENE_CATALOGUE"}
    assert BackupFolder(tmp_path / "backups").find_damage(snapshot) == []

    with pytest.raises(StateError, match="holds tables"):
        restore_workspace(tmp_path / "backups", tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()
    monkeypatch.delenv("EOCENE_DATABASE")
    with pytest.raises(InputError, match="EOCENE_DATABASE names none"):
        restore_workspace(tmp_path / "backups", tmp_path / "elsewhere")

    use_new_databases(servers[1], monkeypatch)
    restore_workspace(tmp_path / "backups", tmp_path / "elsewhere")
    assert describe(tmp_path / "elsewhere") == before


def test_a_backup_under_load_agrees_with_itself(workspace, servers, simulated_world, tmp_path, monkeypatch):
    root = workspace.layout.root
    finish_a_job(workspace)
    moments = back_up_under_load(workspace.layout, tmp_path / "backups", simulated_world, backups=2)
    live = describe(root)
    finished = 0
    for name, moment in moments.items():
        use_new_databases(servers[1], monkeypatch)
        restored = tmp_path / name
        restore_workspace(tmp_path / "backups", restored, name=name)
        finished += check_it_agrees_with_itself(restored)
        check_it_has_what_was_acknowledged(restored, moment)
    assert finished >= 2 * len(moments)
    check_unchanged_jobs_are_the_same(live, describe(restored))
