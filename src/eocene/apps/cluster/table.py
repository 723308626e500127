"""The two tables of the demonstration on many hosts: the hosts, and the checksums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from eocene.apps.cluster.services import ROLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eocene.apps.cluster.compare import Compared
    from eocene.apps.cluster.losses import Loss
    from eocene.testing.hosts import Lab

_SHOWN = 16
"""So many hexadecimal digits of a checksum are shown; all of them are compared."""


def describe_hosts(lab: Lab, losses: Sequence[Loss]) -> Table:
    """Return the hosts as a table: name, address, what ran there, and what became of it."""
    kind = "loopback addresses of one host" if lab.loopback else "network namespaces"
    table = Table(title=f"Hosts ({kind})", title_justify="left")
    for heading in ("host", "address", "runs", "what became of it"):
        table.add_column(heading, overflow="fold")
    fates = {loss.host: f"killed (SIGKILL): {loss.doing}" for loss in losses}
    for host in lab.hosts:
        fate = fates.get(host.name) or ("ended by itself" if host.ended() else "lived")
        table.add_row(host.name, host.address, ROLES[host.name], fate)
    return table


def describe_checksums(compared: Sequence[Compared]) -> Table:
    """Return the outputs as a table: name, SHA-256 on one machine and on the cluster, and whether equal."""
    table = Table(title="Outputs: SHA-256 on one machine and on the cluster", title_justify="left")
    for heading in ("output", "make demo", "make demo-cluster", ""):
        table.add_column(heading, overflow="fold")
    for row in compared:
        shown = [(digest or "missing")[:_SHOWN] for digest in (row.alone, row.cluster)]
        table.add_row(row.name, *shown, "equal" if row.is_equal else "DIFFERS")
    return table
