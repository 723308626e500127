"""An S3 server of one's own, in a folder, for tests: OpenStack Swift behind its s3api middleware.

Swift is a whole object store: a proxy that speaks S3, and servers of accounts, containers and objects
behind it, here one of each with one replica. It comes from PyPI, in the group ``dev``.
Sources: Swift's "SAIO" set-up and the sample configurations of Swift 2.38.
"""

from __future__ import annotations

import getpass
import http.client
import os
import secrets
import subprocess
import sys
import time
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from eocene.model.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

REGION = "us-east-1"
PORTS = (6201, 6202, 6203, 8333)
"""Of accounts, containers, objects and of the proxy, on an address of the server's own."""
_KINDS = ("account", "container", "object", "proxy")
_MODULES = {"object": "obj"}
_START_S = 90.0
_STOP_S = 20.0

_HASHES = """[swift-hash]
swift_hash_path_prefix = eocene
swift_hash_path_suffix = eocene
[storage-policy:0]
name = one
default = yes
"""

_COMMON = """[DEFAULT]
bind_ip = {host}
bind_port = {port}
bind_timeout = 2
workers = 0
user = {user}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
disable_fallocate = true
log_level = WARNING
log_address = {folder}/nobody-listens
log_name = {kind}
"""

_RINGS = """
import sys
from swift.common.ring import RingBuilder
host, *places = sys.argv[1:]
for kind, port in (place.split(":") for place in places):
    ring = RingBuilder(part_power=2, replicas=1, min_part_hours=0)
    at = {"ip": host, "port": int(port), "replication_ip": host, "replication_port": int(port)}
    ring.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1.0, "device": "disk", "meta": "", **at})
    ring.rebalance()
    ring.get_ring().save(kind + ".ring.gz")
"""

_STORAGE = """[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""

_FILTERS = {
    "catch_errors": "",
    "gatekeeper": "",
    "healthcheck": "",
    "listing_formats": "",
    "s3api": f"location = {REGION}\n",
    "tempauth": "user_eocene_tester = {secret} .admin\n",
    "copy": "",
    "slo": "",
}
_PROXY = f"""[pipeline:main]
pipeline = {" ".join(_FILTERS)} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
""" + "".join(f"[filter:{name}]\nuse = egg:swift#{name}\n{more}" for name, more in _FILTERS.items())


class SwiftServer:
    """An S3 server that keeps its data in a folder, and ends with the ``with`` block.

    It may be stopped and started again; the data stay.

    Parameters
    ----------
    folder : Path
        Where configuration, data and logs lie; on a disk with extended attributes.
    host : str, optional
        The address to listen on, which can be reached from here; by default one of 127.0.0.0/8 that nobody
        else has taken.
    ports : sequence of int
        Four: of accounts, containers, objects and of S3.
    prefix : sequence of str
        Words before each command, such as ``("ip", "netns", "exec", "store")``.

    Attributes
    ----------
    access_key, secret_key : str
        Credentials of the only user, who may do all.

    Raises
    ------
    UnavailableError
        If Swift is not installed, or does not start; the folder has its logs.
    """

    access_key = "eocene:tester"

    def __init__(
        self,
        folder: Path,
        *,
        host: str | None = None,
        ports: Sequence[int] = PORTS,
        prefix: Sequence[str] = (),
    ) -> None:
        if find_spec("swift") is None:
            raise UnavailableError("OpenStack Swift is not installed.", "Install it: pip install swift.")
        self.folder = folder.resolve()
        self.host = host or "127." + ".".join(str(1 + secrets.randbelow(254)) for _ in range(3))
        self.secret_key = secrets.token_hex(16)
        self._ports = tuple(ports)
        self._prefix = tuple(prefix)
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """The endpoint, as ``AWS_ENDPOINT_URL`` wants it."""
        return f"http://{self.host}:{self._ports[-1]}"

    def environment(self, place: str | None = None) -> dict[str, str]:
        """Return the variables that lead here; with a place ``bucket/prefix`` also ``EOCENE_STORE``."""
        keys = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
        }
        return keys if place is None else keys | {"EOCENE_STORE": f"s3://{place}"}

    def __enter__(self) -> Self:
        if not (self.folder / "swift.conf").exists():
            self._configure()
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the servers and return when they answer."""
        for kind in _KINDS:
            module = f"swift.{_MODULES.get(kind, kind)}.server"
            command = [*self._prefix, sys.executable, "-m", module, str(self.folder / f"{kind}.conf")]
            with (self.folder / f"{kind}.log").open("ab") as log:
                self._processes.append(
                    subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)  # noqa: S603  (our own words)
                )
        end = time.monotonic() + _START_S
        while not all(map(self._answers, self._ports)):
            if time.monotonic() > end or any(process.poll() is not None for process in self._processes):
                raise UnavailableError("Swift does not start.", f"See the logs in {str(self.folder)!r}.")
            time.sleep(0.1)

    def stop(self) -> None:
        """End the servers; what they have acknowledged is on the disk."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def make_bucket(self, name: str) -> str:
        """Make a bucket and return its name."""
        import obstore
        from obstore.store import S3Store

        store = S3Store(
            name, endpoint=self.url, region=REGION, access_key_id=self.access_key,
            secret_access_key=self.secret_key, client_options={"allow_http": True},
        )  # fmt: skip
        signed = urlsplit(str(obstore.sign(store, "PUT", "", timedelta(minutes=5))))
        status = self._ask("PUT", self._ports[-1], f"{signed.path}?{signed.query}")
        if status != http.client.OK:
            raise UnavailableError(f"The bucket {name!r} cannot be made: {status}.", "Choose another name.")
        return name

    def _configure(self) -> None:
        """Write the configuration, and the rings that tell the proxy where the other servers are."""
        _check_attributes(self.folder)
        (self.folder / "devices" / "disk").mkdir(parents=True, exist_ok=True)
        for kind, port in zip(_KINDS, self._ports, strict=True):
            text = (_COMMON + (_PROXY if kind == "proxy" else _STORAGE)).format(
                host=self.host, port=port, user=getpass.getuser(), folder=self.folder, kind=kind,
                secret=self.secret_key,
            )  # fmt: skip
            (self.folder / f"{kind}.conf").write_text(text)
        places = [f"{kind}:{port}" for kind, port in zip(_KINDS[:3], self._ports[:3], strict=True)]
        subprocess.run(  # noqa: S603  (our own words)
            [sys.executable, "-c", _RINGS, self.host, *places], cwd=self.folder, check=True
        )
        (self.folder / "swift.conf").write_text(_HASHES)

    def _answers(self, port: int) -> bool:
        try:
            return self._ask("GET", port, "/healthcheck") < http.client.INTERNAL_SERVER_ERROR
        except OSError:
            return False

    def _ask(self, method: str, port: int, path: str) -> int:
        connection = http.client.HTTPConnection(self.host, port, timeout=20)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        finally:
            connection.close()


def _check_attributes(folder: Path) -> None:
    """Raise UnavailableError if files of a folder cannot have the attributes that Swift needs."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        os.setxattr(folder, "user.eocene", b"1")
    except OSError as error:
        raise UnavailableError(
            f"Swift cannot keep objects in {str(folder)!r}: {error.strerror}.",
            "Name a folder on a disk with extended attributes, such as ext4, xfs or btrfs.",
        ) from error
