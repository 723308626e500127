"""A PostgreSQL server of one's own, in a folder, for tests: nothing of the machine's servers is touched."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Self

from eocene.model.errors import UnavailableError

_SETTINGS = (
    "fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=50",
    "listen_addresses=", "max_locks_per_transaction=256",
)  # fmt: skip


def find_programs() -> Path:
    """Return the folder with initdb and postgres, the newest where there are several.

    Raises
    ------
    UnavailableError
        If there is none, or no PostGIS beside it.
    """
    named = shutil.which("initdb")
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if named:
        places.append(Path(named).resolve().parent)
    for place in places:
        shared = Path("/usr/share/postgresql") / place.parent.name / "extension" / "postgis.control"
        if (place / "initdb").exists() and (shared.exists() or place.parent.parent.name != "postgresql"):
            return place
    raise UnavailableError(
        "There is no PostgreSQL with PostGIS on this machine.",
        "Install the Debian packages postgresql-15 and postgresql-15-postgis-3.",
    )


class PostgresServer:
    """A server that listens on a socket in its folder, and ends with the ``with`` block.

    Parameters
    ----------
    folder : Path
        Where its data lie; the path of a socket has at most 107 bytes, so it has to be short.

    Raises
    ------
    UnavailableError
        If PostgreSQL or PostGIS is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._programs = find_programs()
        self.folder = folder
        self._user = "postgres" if os.getuid() == 0 else None  # root is refused
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._user:
            shutil.chown(self.folder, self._user)
        data = self.folder / "data"
        self._run(
            "initdb", "--pgdata", str(data), "--username=postgres", "--auth=trust", "--encoding=UTF8",
            "--locale=C", "--no-sync",
        )  # fmt: skip
        options = [part for setting in _SETTINGS for part in ("-c", setting)]
        command = [str(self._programs / "postgres"), "-D", str(data), "-k", str(self.folder), *options]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  (no shell, our own words)
                command, stdout=log, stderr=log, cwd=self.folder, user=self._user, group=self._user
            )
        self._run("pg_isready", "-h", str(self.folder), "-t", "30", "-q", tries=100)
        return self

    def __exit__(self, *error: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # ends sessions; SIGTERM waits for them
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database of this server."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def make_database(self, template: str = "template0") -> str:
        """Make a database, empty or the copy of another that nobody uses, and return its name."""
        name = f"d{secrets.token_hex(6)}"
        self._run(
            "createdb", "-h", str(self.folder), "-U", "postgres", "--template", template, "--locale=C", name
        )
        return name

    def _run(self, program: str, *arguments: str, tries: int = 1) -> None:
        import time

        for attempt in range(tries):
            done = subprocess.run(  # noqa: S603  (no shell, our own words)
                [str(self._programs / program), *arguments],
                capture_output=True, cwd=self.folder, check=False, user=self._user, group=self._user,
            )  # fmt: skip
            if done.returncode == 0:
                return
            if attempt + 1 < tries:
                time.sleep(0.1)
        raise UnavailableError(
            f"PostgreSQL's {program} failed: {done.stderr.decode(errors='replace').strip()[-500:]}",
            f"See the log in {str(self.folder)!r}.",
        )
