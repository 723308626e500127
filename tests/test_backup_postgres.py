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

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("pypgstac", reason="the extra eocene[postgres] is not installed")


@pytest.fixture
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


@pytest.mark.long
def test_databases_are_restored_into_empty_ones(servers, simulated_world, tmp_path, monkeypatch):
    use_new_databases(servers[0], monkeypatch)
    with eocene.open(tmp_path / "workspace") as ws:
        ws.ingest(simulated_world.folder / "sentinel-2-l2a")
        ws.users.set_password("ada", "correct horse")
        job = ws.jobs.create({"process_graph": {"a": {"process_id": "e", "arguments": {}, "result": True}}})
        items = [item.to_dict(transform_hrefs=False) for item in ws.search(sortby=["+id"])]
        snapshot = back_up(ws.layout, tmp_path / "backups").snapshot
    assert items
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
    with eocene.open(tmp_path / "elsewhere", create=False) as ws:
        assert [item.to_dict(transform_hrefs=False) for item in ws.search(sortby=["+id"])] == items
        assert ws.users.verify("ada", "correct horse") == "ada"
        assert [found.id for found in ws.jobs.list()] == [job.id]
