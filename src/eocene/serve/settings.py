"""What an operator can choose about a server."""

from __future__ import annotations

from dataclasses import dataclass, field

from eocene.jobs import Quota
from eocene.serve.provider import Provider, providers_of_environment

API_VERSION = "1.2.0"
"""The version of the openEO API."""

OPENEO = "/openeo/1.2"
"""Where the openEO API stands."""

STAC_VERSION = "1.1.0"


@dataclass(frozen=True)
class ServeSettings:
    """Choices of an operator.

    Parameters
    ----------
    user : str
        Name of the user that is made at the first start.
    editors : tuple of str
        Users who may change the catalogue through the STAC API; empty for ``user`` alone.
    workers : int
        Processes that run batch jobs; 0 if workers run elsewhere.
    public_url : str or None
        The address that clients see, without a slash at its end; by default the one they called.
    public_data : bool
        Whether maps, series, assets and linked data are read without a login.
    share_data : bool
        Whether web pages of other origins may read public data, too; openEO and STAC metadata they
        always may, as these interfaces ask.
    hosts : tuple of str
        Names by which the server may be called; empty for any. Protects what is open on the own
        machine from web pages that let their name point to it (DNS rebinding).
    body_limit : int
        Longest request body, in bytes.
    file_limit : int
        Largest file that a user can upload, in bytes.
    sync_limit : int
        Largest synchronous result, in bytes of 32-bit numbers.
    link_life_s : int
        How long a signed link to a result works, in seconds.
    tile_threads : int
        How many tiles are computed at once.
    point_threads : int
        How many series and statistics are computed at once, so that a map in motion does not delay a click.
    results_at_once : int
        How many synchronous results are computed at once; who wait for theirs take turns.
    stop_s : int
        How long requests that are being answered may go on when the server is told to stop, in seconds.
    tile_cache : int
        How many drawn tiles are kept in memory.
    quota : Quota
        What each account may use, unless other limits are said for it; by default of the environment.
    oidc : tuple of Provider
        OpenID providers where users log in; by default those of the environment.
    """

    user: str = "eocene"
    editors: tuple[str, ...] = ()
    workers: int = 1
    public_url: str | None = None
    public_data: bool = True
    share_data: bool = False
    hosts: tuple[str, ...] = ()
    body_limit: int = 4 << 20
    file_limit: int = 4 << 30
    sync_limit: int = 256 << 20
    link_life_s: int = 24 * 3600
    tile_threads: int = 2
    point_threads: int = 2
    results_at_once: int = 2
    stop_s: int = 30
    tile_cache: int = 1024
    quota: Quota = field(default_factory=Quota.of_environment)
    oidc: tuple[Provider, ...] = field(default_factory=providers_of_environment)
