"""What is in deploy/: units that systemd accepts, commands that exist, variables that are read."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.command import call

if TYPE_CHECKING:
    from pathlib import Path

UNITS = (
    "eocene.service", "eocene-worker@.service", "eocene-backup.service", "eocene-backup.timer",
    "eocene-dask-scheduler.service", "eocene-dask-worker.service",
)  # fmt: skip


@pytest.fixture(scope="module")
def deploy(repository: Path) -> Path:
    return repository / "deploy"


def list_commands(deploy: Path, program: str) -> list[list[str]]:
    """Return the arguments of a program in all units."""
    text = "\n".join((deploy / name).read_text() for name in UNITS)
    lines = [shlex.split(line) for line in re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)]
    return [words[1:] for words in lines if words[0] == f"/opt/eocene/bin/{program}"]


def read_container_command(deploy: Path) -> list[str]:
    """Return the arguments of eocene in the container."""
    container = re.search(r"^CMD \[(.*)\]$", (deploy / "Containerfile").read_text(), re.MULTILINE)
    return [part.strip(' "') for part in container[1].split(",")]


def test_systemd_accepts_the_units(deploy, tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not installed")
    for name in UNITS:  # a true program in place of the one that will be installed, and a user that exists
        text = re.sub(r"/opt/eocene/bin/\w+", sys.executable, (deploy / name).read_text())
        (tmp_path / name).write_text(re.sub(r"^(User|Group)=eocene$", r"\1=root", text, flags=re.MULTILINE))
    paths = [str(tmp_path / name.replace("@.", "@1.")) for name in UNITS]
    (tmp_path / "eocene-worker@1.service").symlink_to(tmp_path / "eocene-worker@.service")
    done = subprocess.run([program, "verify", *paths], capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if "eocene" in line or str(tmp_path) in line]
    assert told == []


def test_every_command_exists_with_its_options(deploy):
    commands = [*list_commands(deploy, "eocene"), read_container_command(deploy)]
    assert {command[0] for command in commands} == {"serve", "worker", "backup"}
    for name, *arguments in commands:
        told = call(name, "--help").out
        for option in (argument for argument in arguments if argument.startswith("--")):
            assert option in told, (name, option)


def test_dask_has_the_commands_and_options_of_its_units(deploy):
    commands = list_commands(deploy, "dask")
    assert [command[0] for command in commands] == ["scheduler", "worker"]
    for name, *arguments in commands:
        module = importlib.import_module(f"distributed.cli.dask_{name}")
        context = module.main.make_context(name, list(arguments))  # refuses what it lacks
        assert not context.params["dashboard"]


def test_every_variable_is_one_that_the_software_reads(deploy, repository):
    text = (deploy / "eocene.env").read_text() + (deploy / "Containerfile").read_text()
    source = "\n".join(path.read_text() for path in (repository / "src" / "eocene").rglob("*.py"))
    names = set(re.findall(r"EOCENE_[A-Z_]+", text))
    assert {"EOCENE_WORKSPACE", "EOCENE_DATABASE", "EOCENE_CATALOGUE", "EOCENE_LOG_FORMAT"} <= names
    assert [name for name in sorted(names) if f'"{name}"' not in source] == []


def test_the_container_copies_what_is_there_and_runs_as_nobody_special(deploy, repository):
    lines = (deploy / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL",
             "HEALTHCHECK", "ENTRYPOINT", "CMD"}  # fmt: skip
    written = [line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#")]
    assert {word for word, _ in written} <= known
    for word, rest in written:
        if word == "COPY" and "--from" not in rest:
            for name in rest.split()[:-1]:
                assert (repository / name).exists()
    users = [rest for word, rest in written if word == "USER"]
    assert users == ["eocene"]
