"""Code of users inside a graph: ``run_udf`` hands the data to a runner, which is who keeps it apart.

There is no runner by itself, and then no process ``run_udf``: who installs Eocene offers one. A runner gets
plain xarray and gives plain xarray back; where and behind which walls the code runs is its own affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import numpy as np
import xarray as xr

from eocene.cube.block import Block
from eocene.cube.edge import to_xarray
from eocene.model import EoceneError, InputError
from eocene.process.registry import ProcessDefinition, register, withdraw
from eocene.process.types import Anything

if TYPE_CHECKING:
    from collections.abc import Mapping

Code = Annotated[str, {"type": "string", "subtype": "udf-code", "pattern": "(\r\n|\r|\n)"}]
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
        The source text.
    runtime, version : str
        As the user names them; the version may be None.
    data : DataArray or plain value
        Floats, NaN where there is no data; inside a callback the whole block of arrays, ``along`` says
        which dimension is the array.
    along : str, optional
        That dimension.
    context : plain value
        What the user passes on; an empty mapping if nothing.
    """

    code: str
    runtime: str
    version: str | None
    data: Any
    along: str | None
    context: Any


class UdfRunner(Protocol):
    """Runs code of users."""

    @property
    def runtimes(self) -> Mapping[str, Any]:
        """The runtimes there are, as GET /udf_runtimes lists them."""

    def run(self, call: UdfCall) -> Any:
        """Return a DataArray or a plain value.

        Raises
        ------
        EoceneError
            If the code fails; the message holds the code's own error and its line.
        """


def offer_udfs(runner: UdfRunner) -> None:
    """Let graphs run code of users by this runner, until :func:`withdraw_udfs`."""

    def run_udf(
        data: Anything, udf: Code, runtime: Runtime, version: Version = None, context: Anything = NO_SETTINGS
    ) -> Anything:
        """Run code of the user on the data.

        Parameters
        ----------
        data
            The data to be passed to the code: a cube, an array or a value.
        udf
            The source code.
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
        """
        _check_runtime(runner, runtime, version)
        given = to_xarray(data, data.grid) if isinstance(data, Block) else data
        along = data.axis if isinstance(data, Block) else None
        result = runner.run(UdfCall(udf, runtime, version, given, along, context))
        if not isinstance(result, xr.DataArray):
            return result
        return _to_block(result, data) if isinstance(data, Block) else result.values.tolist()

    register(ProcessDefinition("run_udf", run_udf, ("cubes", "import", "udf")))


def withdraw_udfs() -> None:
    """Take ``run_udf`` off the list of processes."""
    withdraw("run_udf")


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


def _to_block(result: xr.DataArray, data: Block) -> Block:
    """Return what the code gave back as a block in the place of the data."""
    dims = tuple(str(d) for d in result.dims)
    pixels = [d for d in ("y", "x") if d in data.dims]
    sizes = {d: data.values.shape[data.dims.index(d)] for d in pixels}
    if any(result.sizes.get(d) != n for d, n in sizes.items()):
        raise EoceneError(
            f"The code gave back {dict(result.sizes)} where y and x are {sizes}.",
            "Keep the pixels as they are.",
            code="UdfFailed",
        )
    order = [d for d in dims if d not in pixels] + pixels
    values = result.transpose(*order).values
    valid = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    labels = {d: _labels(result, d, data) for d in order if d not in sizes or data.grid is None}
    return data.with_(
        values=np.where(valid, values, 0).astype(values.dtype),
        valid=None if valid.all() else valid,
        dims=tuple(order),
        labels=labels,
        axis=data.axis if data.axis in order else None,
    )


def _labels(result: xr.DataArray, dim: str, data: Block) -> tuple[Any, ...]:
    """Return the labels of the data where there are as many, else those that the code has set."""
    kept = data.labels.get(dim, ())
    if len(kept) == result.sizes[dim]:
        return kept
    return tuple(result[dim].values.tolist()) if dim in result.coords else tuple(range(result.sizes[dim]))
