"""Two servers that tests start never get the same port, in whichever processes the tests run."""

from __future__ import annotations

import socket
import subprocess
import sys

from tests.ports import claim_port

CLAIM = "from tests.ports import claim_port\nwith claim_port() as port: print(port, flush=True); input()"


def test_a_port_that_another_process_holds_is_not_given_again() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CLAIM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        theirs = int(other.stdout.readline())
        with claim_port() as first, claim_port() as second:
            assert len({theirs, first, second}) == 3
        other.communicate("\n", timeout=20)


def test_a_port_on_which_somebody_listens_is_passed_over() -> None:
    with claim_port() as port:
        listener = socket.create_server(("127.0.0.1", port))
    with listener, claim_port() as other:
        assert other != port
