"""A PostgreSQL server of one's own, in a folder: nothing of the machine's servers is touched."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

from eocene.model.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

PORT = 5432
_SETTINGS = (
    "fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=100",
    "max_locks_per_transaction=256",
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
    """A server that listens on a socket in a folder, and ends with the ``with`` block.

    Parameters
    ----------
    folder : Path
        Where its data lie; the path of a socket has at most 107 bytes, so it has to be short.
    host : str
        An address on which it also listens, for who knows the password.
    prefix : sequence of str
        Words before the command that starts it, such as ``("nsenter", "--net=/run/netns/one")``.

    Raises
    ------
    UnavailableError
        If PostgreSQL or PostGIS is not installed.
    """

    def __init__(self, folder: Path, *, host: str = "", prefix: Sequence[str] = ()) -> None:
        self._programs = find_programs()
        self.folder, self.host = folder, host
        self._prefix = tuple(prefix)
        self._password = secrets.token_hex(16)
        self._user = "postgres" if os.getuid() == 0 else None  # root is refused
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._user:
            shutil.chown(self.folder, self._user)
        self._make_cluster(self.folder / "data")
        options = [part for s in (*_SETTINGS, f"listen_addresses={self.host}") for part in ("-c", s)]
        program = [str(self._programs / "postgres"), "-D", str(self.folder / "data")]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  (no shell, our own words)
                [*self._prefix, *self._drop_rights(), *program, "-k", str(self.folder), *options],
                stdout=log, stderr=log, cwd=self.folder,
            )  # fmt: skip
        self._run("pg_isready", "-h", str(self.folder), "-t", "30", "-q", tries=100)
        return self

    def __exit__(self, *error: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)  # at once: nobody starts it again
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database of this server."""
        if self.host:
            return f"postgresql://postgres:{self._password}@{self.host}:{PORT}/{database}"
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def make_database(self, template: str = "template0") -> str:
        """Make a database, empty or the copy of another that nobody uses, and return its name."""
        name = f"d{secrets.token_hex(6)}"
        self._run(
            "createdb", "-h", str(self.folder), "-U", "postgres", "--template", template, "--locale=C", name
        )
        return name

    def _make_cluster(self, data: Path) -> None:
        secret = self.folder / "password"
        secret.write_text(self._password)
        if self._user:
            shutil.chown(secret, self._user)
        self._run(
            "initdb", "--pgdata", str(data), "--username=postgres", "--auth-local=trust", "--encoding=UTF8",
            "--auth-host=scram-sha-256", f"--pwfile={secret}", "--locale=C", "--no-sync",
        )  # fmt: skip
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet scram-sha-256\n")

    def _drop_rights(self) -> tuple[str, ...]:
        """Return the words that make a command one of the server's user."""
        user = self._user
        return ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--") if user else ()

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
