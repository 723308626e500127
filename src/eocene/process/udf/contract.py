"""Code of users inside a graph: ``run_udf`` hands the data to a runner, which is who keeps it apart.

A runner gets plain xarray and gives plain xarray back; where and behind which walls the code runs is its own
affair. Where none can be had there is no process ``run_udf``, and the reason is told.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from eocene.cube.block import Block
from eocene.model import InputError
from eocene.process.allowance import is_planning
from eocene.process.registry import ProcessDefinition, register, specs, withdraw, withhold
from eocene.process.standard import ANY
from eocene.process.types import Whatever
from eocene.process.udf.blocks import from_result, to_data

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Data = Annotated[Any, {"description": "A value of any data type."}]
Result = Annotated[Any, {"title": "Any"} | ANY]
Code = Annotated[
    str,
    [
        {
            "description": "Absolute URL to a UDF",
            "type": "string",
            "format": "uri",
            "subtype": "uri",
            "pattern": "^https?://",
        },
        {
            "description": "Path to a UDF uploaded to the user workspace.\n\nAs the workspace acts as an "
            "isolated root folder, the absolute path `/folder/file.txt` and relative paths `folder/file.txt` "
            "and `./folder/file.txt` are all equivalent. Likewise, specifying a path outside of the "
            "workspace results in a `FileNotFound` error.",
            "type": "string",
            "subtype": "file-path",
            "pattern": "^[^\r\n\\:'\"]+$",
        },
        {
            "description": "The multi-line source code of a UDF, must contain a newline/line-break.",
            "type": "string",
            "subtype": "udf-code",
            "pattern": "(\r\n|\r|\n)",
        },
    ],
]
Runtime = Annotated[str, {"type": "string", "subtype": "udf-runtime"}]
Version = Annotated[
    str | None,
    [
        {"type": "string", "subtype": "udf-runtime-version"},
        {"title": "Default runtime version", "type": "null"},
    ],
]
NO_SETTINGS: dict[str, Any] = {}


@dataclass(frozen=True)
class UdfCall:
    """What a runner is asked to do.

    Parameters
    ----------
    code : str
        The source text; a UdfCode says whose it is.
    runtime, version : str
        As the user names them; the version may be None.
    data : DataArray, GeoDataFrame or plain value
        Floats, NaN where there is no data; inside a callback the whole block of arrays, ``along`` says
        which dimension is the array.
    along : str, optional
        That dimension.
    context : plain value
        What the user passes on; an empty mapping if nothing.
    is_trial : bool
        Whether the data are one pixel without data, from which the form of the result is learnt.
    """

    code: str
    runtime: str
    version: str | None
    data: Any
    along: str | None
    context: Any
    is_trial: bool = False


class UdfRunner(Protocol):
    """Runs code of users."""

    @property
    def runtimes(self) -> Mapping[str, Any]:
        """The runtimes there are, as GET /udf_runtimes lists them."""

    def run(self, call: UdfCall) -> Any:
        """Return a DataArray, a GeoDataFrame or a plain value.

        Raises
        ------
        EoceneError
            If the code fails; the message holds the code's own error and its line.
        """


_offered: UdfRunner | None = None
_reason = ""
"""Why there is no runner; empty as long as nobody has looked for one."""


def offered_runner() -> UdfRunner | None:
    """Return who runs code of users here; None if nobody does."""
    specs()  # the first to ask lets the processes be offered
    return _offered


def reason_of_none() -> str:
    """Return why nobody runs code of users here; empty if somebody does."""
    specs()
    return "" if _offered else _reason


def is_decided() -> bool:
    """Tell whether somebody has offered or withdrawn a runner already."""
    return _offered is not None or bool(_reason)


def offer_udfs(runner: UdfRunner) -> None:
    """Let graphs run code of users by this runner, until :func:`withdraw_udfs`."""
    global _offered  # noqa: PLW0603 (as the list of processes, there is one in a process)

    def run_udf(
        data: Data, udf: Code, runtime: Runtime, version: Version = None, context: Whatever = NO_SETTINGS
    ) -> Result:
        """Run code of the user on the data.

        A cube is handed in whole. To call the code piece by piece, call it inside ``apply_neighborhood``,
        ``apply``, ``apply_dimension`` or ``reduce_dimension``.

        Parameters
        ----------
        data
            The data to be passed to the code: a cube, an array or a value.
        udf
            The source code, a file that the user has uploaded, or an address.
        runtime
            One of GET /udf_runtimes.
        version
            The version of the runtime; its default version if null.
        context
            Additional data passed by the user.

        Raises
        ------
        InvalidRuntime
            There is no such runtime.
        InvalidVersion
            The runtime has no such version.
        FileNotFound
            The user has uploaded no such file.
        """
        _check_runtime(runner, runtime, version)
        along = data.axis if isinstance(data, Block) else None
        is_trial = is_planning() and isinstance(data, Block) and data.grid is not None
        result = runner.run(UdfCall(udf, runtime, version, to_data(data), along, context, is_trial))
        return from_result(result, data)

    register(ProcessDefinition("run_udf", run_udf, ("cubes", "import", "udf"), whole=True))
    _offered = runner


def withdraw_udfs(reason: str = "nobody has offered a runner of users' code") -> None:
    """Take ``run_udf`` off the list of processes; graphs that call it are told the reason."""
    global _offered, _reason
    _offered, _reason = None, reason
    withdraw("run_udf")
    withhold("run_udf", reason)


@contextmanager
def offering(runner: UdfRunner | None, reason: str = "") -> Iterator[None]:
    """Offer another runner, or none, for a while."""
    before, why = offered_runner(), _reason
    offer_udfs(runner) if runner else withdraw_udfs(reason)
    try:
        yield
    finally:
        offer_udfs(before) if before else withdraw_udfs(why)


def _check_runtime(runner: UdfRunner, runtime: str, version: str | None) -> None:
    known = {name.lower(): name for name in runner.runtimes}
    if runtime.lower() not in known:
        raise InputError(
            f"There is no UDF runtime {runtime!r}.", f"There are {', '.join(runner.runtimes)}.",
            code="InvalidRuntime",
        )  # fmt: skip
    versions = runner.runtimes[known[runtime.lower()]].get("versions", {})
    if version is not None and version not in versions:
        raise InputError(
            f"The UDF runtime {runtime!r} has no version {version!r}.",
            f"It has {', '.join(versions) or 'but one; leave the version out'}.",
            code="InvalidVersion",
        )
