"""Hosts of namespaces: apart from each other, on one network, and gone with whoever made them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eocene.model import UnavailableError
from eocene.testing.hosts import Host, Lab, check_namespaces

PORT = 8000
HELLO = (
    "import socket; s = socket.create_server(('{address}', 8000))\n"
    "while True: c, _ = s.accept(); c.sendall(b'from {name}'); c.close()"
)
ASK = "import socket, sys; print(socket.create_connection((sys.argv[1], 8000), 2).recv(99).decode(), end='')"


@pytest.fixture
def namespaces() -> None:
    """Leave out what needs rights that are not there."""
    try:
        check_namespaces()
    except UnavailableError as error:
        pytest.skip(str(error))


def serve_hello(host: Host) -> None:
    program = HELLO.format(address=host.address, name=host.name)
    host.start("hello", [sys.executable, "-c", program], os.environ)


def ask(address: str, prefix: tuple[str, ...] = ()) -> str | None:
    """Return what a host says to another, None if it does not answer."""
    for _ in range(100):
        done = subprocess.run(
            [*prefix, sys.executable, "-c", ASK, address], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return done.stdout
        if "refused" not in done.stderr:  # nothing is at the address, or nothing on its way
            return None
        time.sleep(0.1)
    return None


def list_devices() -> list[str]:
    return sorted(path.name for path in Path("/sys/class/net").iterdir())


def list_processes(folder: Path) -> list[str]:
    """Return the processes whose command names the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found.append(command)
    return found


def test_hosts_hear_each_other_and_have_names_of_their_own(namespaces, tmp_path):
    before, network = list_devices(), Path("/proc/self/ns/net").readlink()
    with Lab(tmp_path, ["one", "two"]) as lab:
        one, two = lab.hosts
        serve_hello(one)
        assert ask(one.address) == "from one"
        assert ask(one.address, two.prefix) == "from one"
        named = subprocess.run(
            [*two.prefix, sys.executable, "-c", "import os; print(os.uname().nodename, os.listdir('/proc'))"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert named.startswith("two ")
        assert f"'{os.getpid()}'" not in named
    assert Path("/proc/self/ns/net").readlink() == network
    assert list_devices() == before


def test_a_killed_host_is_silent_and_the_others_are_not(namespaces, tmp_path):
    with Lab(tmp_path, ["one", "two"]) as lab:
        for host in lab.hosts:
            serve_hello(host)
            assert ask(host.address) == f"from {host.name}"
        lab["one"].kill()
        assert ask("10.77.0.1") is None
        assert ask("10.77.0.2") == "from two"


def test_nothing_stays_when_the_maker_is_killed(namespaces, tmp_path):
    before = list_devices()
    maker = (
        "import os, sys, time; from pathlib import Path; from eocene.testing.hosts import Lab\n"
        "with Lab(Path(sys.argv[1]), ['one', 'two']) as lab:\n"
        "    lab['one'].start('x', [sys.executable, '-c', 'import time; time.sleep(999)', sys.argv[1]],"
        " os.environ)\n"
        "    print('made', flush=True); time.sleep(999)"
    )
    with subprocess.Popen([sys.executable, "-c", maker, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"made\n"
        assert len(list_processes(tmp_path)) >= 2
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while list_processes(tmp_path):
        assert time.monotonic() < deadline, list_processes(tmp_path)
        time.sleep(0.05)
    assert list_devices() == before


def test_without_namespaces_hosts_are_addresses(tmp_path):
    with Lab(tmp_path, ["one", "two"], loopback=True) as lab:
        assert [host.address for host in lab.hosts] == ["127.0.1.1", "127.0.1.2"]
        one = lab["one"]
        one.start("x", [sys.executable, "-c", "import time; time.sleep(999)", str(tmp_path)], os.environ)
        assert one.ended() == []
    assert list_processes(tmp_path) == []


def test_what_is_missing_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="programs that make network namespaces") as caught:
        check_namespaces()
    assert "iproute2 and util-linux" in caught.value.remedy
