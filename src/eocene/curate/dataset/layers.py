"""One kind of pixels of a data set: its axes, and how its numbers are stored."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FEATURES = "features"
"""The layer of a data set that has only one."""
PIXEL_LABELS = "labels"
"""The layer of the class values of pixels; it stands behind the others."""
DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32")
OWN_COLUMNS = ("x", "y", "label", "cell")
"""Columns that every data set has."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_LAYER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
MOST_BYTES = 2**30
"""Of one sample: what is larger is no sample, but a scene, or a damaged description."""


@dataclass(frozen=True)
class Layer:
    """What the pixels of one sensor are, and how they are stored.

    Parameters
    ----------
    axes : mapping of str to tuple of str
        The dimensions of one sample in their order, each with its labels, as in
        :class:`~eocene.curate.Samples`.
    dtype : str
        Of the stored numbers: an integer of 8 to 32 bits, or float32.
    scale, offset : float
        A stored number s means ``s * scale + offset``.
    nodata : int or None
        The stored number that means "missing"; float32 has NaN.

    Raises
    ------
    InputError
        If the data type cannot be stored, or no-data does not fit into it.
    """

    axes: Mapping[str, tuple[str, ...]]
    dtype: str = "float32"
    scale: float = 1.0
    offset: float = 0.0
    nodata: int | None = field(default=None)

    def __post_init__(self) -> None:
        axes = {str(dim): tuple(str(v) for v in values) for dim, values in self.axes.items()}
        object.__setattr__(self, "axes", axes)
        if self.dtype not in DTYPES:
            raise InputError(
                f"A layer cannot be stored as {self.dtype!r}.", f"Take one of {', '.join(DTYPES)}."
            )
        if not (math.isfinite(self.scale) and self.scale > 0 and math.isfinite(self.offset)):
            raise InputError(
                f"The scale {self.scale} and offset {self.offset} map no numbers.", "Give a scale above 0."
            )
        if not 0 < self.row_bytes <= MOST_BYTES:
            raise InputError(
                f"A sample of shape {self.shape} cannot be stored.", "Give samples of up to 1 GiB."
            )
        if self.nodata is not None and (self.is_float or not _fits(self.nodata, self.dtype)):
            raise InputError(
                f"No-data {self.nodata} is no {self.dtype}.", "Leave it out for float32, which has NaN."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return tuple(len(values) for values in self.axes.values())

    @property
    def row_bytes(self) -> int:
        """The size of one sample as it is stored, uncompressed."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def is_float(self) -> bool:
        """Whether numbers are stored as they are."""
        return self.dtype == "float32"

    @property
    def is_plain(self) -> bool:
        """Whether stored and real numbers are the same, bit for bit."""
        return self.is_float and self.scale == 1.0 and self.offset == 0.0

    def pack(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return real numbers (n, …), NaN where missing, as they are stored; stored ones as they are.

        Raises
        ------
        InputError
            If a number does not fit into the data type, or is stored like no-data.
        """
        if values.shape[1:] != self.shape:
            raise InputError(
                f"Samples of shape {values.shape[1:]} do not fit into a layer of {self.shape}.",
                "Give each sample as the axes say.",
            )
        if values.dtype == self.dtype and not self.is_float:
            return np.ascontiguousarray(values)
        numbers = (values - self.offset) / self.scale if (self.scale, self.offset) != (1.0, 0.0) else values
        if self.is_float:
            stored = np.array(numbers, dtype=np.float32, order="C")
            stored[np.isnan(stored)] = np.nan  # one bit pattern, so that equal samples hash alike
            return stored
        return self._round(numbers)

    def _round(self, numbers: NDArray[Any]) -> NDArray[Any]:
        missing = np.isnan(numbers)
        whole = np.rint(np.where(missing, 0, numbers))
        bounds = np.iinfo(self.dtype)
        wrong = (whole < bounds.min) | (whole > bounds.max)
        if self.nodata is not None:
            wrong |= ~missing & (whole == self.nodata)
        elif missing.any():
            raise InputError("A value is missing, and the layer has no no-data.", "Give it a nodata number.")
        if wrong.any():
            raise InputError(
                f"The number {numbers[wrong].flat[0]:g} cannot be stored as {self.dtype} beside "
                f"no-data {self.nodata}.",
                "Choose another dtype, scale, offset or nodata.",
            )
        stored = whole.astype(self.dtype)
        if self.nodata is not None:
            stored[missing] = self.nodata
        return np.ascontiguousarray(stored)

    def unpack(self, stored: NDArray[Any]) -> NDArray[np.float32]:
        """Return stored numbers as real ones, float32, NaN where missing."""
        if self.is_plain:
            return np.asarray(stored, dtype=np.float32)
        values = stored.astype(np.float32)
        if self.scale != 1.0:
            values *= np.float32(self.scale)
        if self.offset != 0.0:
            values += np.float32(self.offset)
        if self.nodata is not None:
            values[stored == self.nodata] = np.nan
        return values

    def as_given(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Return stored numbers as :meth:`pack` takes them and gives them back."""
        return self.unpack(stored) if self.is_float else stored

    def to_json(self) -> dict[str, Any]:
        """Return the layer as plain JSON."""
        axes = [{"dimension": dim, "labels": list(values)} for dim, values in self.axes.items()]
        return {
            "axes": axes,
            "dtype": self.dtype,
            "scale": float(self.scale),
            "offset": float(self.offset),
            "nodata": self.nodata,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Layer:
        """Return the layer that JSON describes."""
        axes = {axis["dimension"]: tuple(axis["labels"]) for axis in value["axes"]}
        nodata = value["nodata"]
        return cls(
            axes,
            str(value["dtype"]),
            float(value["scale"]),
            float(value["offset"]),
            None if nodata is None else int(nodata),
        )


def check_name(name: str) -> None:
    """Refuse what cannot be part of an id; raises InputError."""
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} cannot be part of an id.", "Use lower-case letters, digits and hyphens.")


def check_layer_names(layers: Mapping[str, Layer]) -> None:
    """Refuse names that are no names of folders; raises InputError."""
    wrong = [name for name in layers if not _LAYER_NAME.fullmatch(name)]
    if wrong or not layers:
        raise InputError(
            f"{', '.join(map(repr, wrong)) or 'Nothing'} cannot be a layer.",
            "Name each by lower-case letters, digits, _ and -, for instance by its sensor.",
        )


def _fits(number: int, dtype: str) -> bool:
    bounds = np.iinfo(dtype)
    return int(bounds.min) <= number <= int(bounds.max)
