"""NetCDF classic files (versions 1, 2 and 5): header and values read in ranges, wherever the file lies.

Nothing is compressed in them: a value lies where the header says, so that what is announced is compared with
the length of the file before anything is read.

Source: The NetCDF Classic Format Specification (Unidata), and CDF-5 (PnetCDF).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import check_decoded
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.archive.fetch import Content

MAGIC = b"CDF"
_DIMENSIONS, _VARIABLES, _ATTRIBUTES = 10, 11, 12
_TYPES = ("i1", "S1", ">i2", ">i4", ">f4", ">f8", "u1", ">u2", ">u4", ">i8", ">u8")
"""By their number, which begins at 1; version 5 has all of them, the others six."""
_MOST_HEADER = 16 * 2**20
_BLOCK = 32 * 2**10
_MOST_DIMENSIONS = 1024


@dataclass(frozen=True, eq=False)
class ClassicVariable:
    """A variable: its values lie one after the other, or a step of each record variable after the other.

    Parameters
    ----------
    content : Content
        The file.
    name : str
        Of the variable.
    dtype : numpy.dtype
        As stored, big-endian.
    shape : tuple of int
        Of the values.
    dimensions : tuple of str
        Names of the axes.
    attrs : dict
        Texts, and arrays of numbers.
    offset, stride : int
        Where the first value lies, and bytes between the steps of the first axis.
    """

    content: Content
    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    dimensions: tuple[str, ...]
    attrs: dict[str, Any]
    offset: int
    stride: int

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self.shape)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Return the values of whole numbers and slices along each axis, or of ``...`` for all."""
        given = () if key is ... else key if isinstance(key, tuple) else (key,)
        picked = [*given, *(slice(None) for _ in self.shape[len(given) :])]
        axes = [
            range(length)[one] if isinstance(one, slice) else range(one, one + 1)
            for one, length in zip(picked, self.shape, strict=True)
        ]
        lengths = [len(axis) for axis in axes]
        check_decoded(self.content.name, f"a part of {self.name!r}", lengths, self.dtype.itemsize)
        values = np.frombuffer(self._read(axes), self.dtype).reshape(lengths)
        return values[tuple(0 if not isinstance(one, slice) else slice(None) for one in picked)]

    def _read(self, axes: list[range]) -> bytes:
        """Return the bytes of a box of values."""
        if any(not axis for axis in axes):
            return b""
        size = self.dtype.itemsize
        if (self.ndim < 2 and self.stride != size) or not axes:
            axes = [*axes, range(1)]  # a number a record, between which others lie; or one in all
        *outer, last = axes
        runs: list[tuple[int, int]] = []
        for place in np.ndindex(*(len(axis) for axis in outer)):
            start = self._place([axis[at] for axis, at in zip(outer, place, strict=True)] + [last[0]])
            if runs and sum(runs[-1]) == start:
                runs[-1] = runs[-1][0], runs[-1][1] + len(last) * size
            else:
                runs.append((start, len(last) * size))
        parts = self.content.read_many(runs)
        if any(len(part) != length for part, (_, length) in zip(parts, runs, strict=True)):
            raise damaged_classic(self.content, f"the values of {self.name!r} are cut off")
        return b"".join(parts)

    def _place(self, at: list[int]) -> int:
        inner = 0
        for index, length in zip(at[1:], self.shape[1:], strict=False):
            inner = inner * length + index
        return self.offset + at[0] * self.stride + inner * self.dtype.itemsize


class ClassicFile:
    """A NetCDF classic file whose header was read and whose values are there.

    Parameters
    ----------
    content : Content
        As a door has opened it.

    Raises
    ------
    DamageError
        If the header is damaged or the file is cut off.

    Attributes
    ----------
    attrs : dict
        Of the file.
    variables : dict
        Name → :class:`ClassicVariable`.
    """

    def __init__(self, content: Content) -> None:
        self.attrs, self.variables = _Header(content).read()

    def close(self) -> None:
        """Nothing to let go of: the content closes itself."""


class _Header:
    """Reads a header from its beginning to its end."""

    def __init__(self, content: Content) -> None:
        self._content, self._position, self._held = content, 4, b""
        head = content.read(0, 4)
        self._version = head[3] if len(head) == 4 and head[:3] == MAGIC else 0
        if self._version not in (1, 2, 5):
            raise damaged_classic(content, "it does not begin as NetCDF files do")

    def read(self) -> tuple[dict[str, Any], dict[str, ClassicVariable]]:
        """Return the attributes of the file and its variables."""
        steps = self._count(streaming=True)
        dimensions = [(self._name(), self._count()) for _ in self._list(_DIMENSIONS)]
        attributes = self._attributes()
        found = [self._variable(dimensions) for _ in self._list(_VARIABLES)]
        return attributes, {v.name: v for v in self._lay_out(found, steps)}

    def _variable(self, dimensions: list[tuple[str, int]]) -> ClassicVariable:
        name, count = self._name(), self._count()
        if count > _MOST_DIMENSIONS:
            raise self._damaged(f"{name!r} has {count} dimensions")
        axes = [self._count() for _ in range(count)]
        if any(axis >= len(dimensions) for axis in axes):
            raise self._damaged(f"{name!r} has a dimension that there is not")
        attributes, dtype = self._attributes(), self._type()
        self._count()  # its size, which follows from the rest and is wrong in large files
        offset = self._number(4 if self._version == 1 else 8)
        names, lengths = zip(*(dimensions[axis] for axis in axes), strict=True) if axes else ((), ())
        stride = prod(lengths[1:]) * dtype.itemsize
        return ClassicVariable(self._content, name, dtype, lengths, names, attributes, offset, stride)

    def _lay_out(self, found: list[ClassicVariable], steps: int) -> Iterator[ClassicVariable]:
        """Yield the variables with the number and distance of records; check that all values are there."""
        records = [v for v in found if v.shape[:1] == (0,)]
        sizes = [v.stride if len(records) == 1 else -(-v.stride // 4) * 4 for v in records]
        step, start = sum(sizes), min((v.offset for v in records), default=0)
        if steps < 0:  # the file was written as a stream
            steps = max(0, self._content.size - start) // step if step else 0
        for variable in found:
            shape, stride = variable.shape, variable.stride
            if shape[:1] == (0,):
                shape, stride = (steps, *shape[1:]), step
            last = stride * (shape[0] - 1) + variable.stride if shape else variable.dtype.itemsize
            if 0 not in shape and variable.offset + last > self._content.size:
                raise self._damaged(f"the values of {variable.name!r} go beyond its end")
            yield ClassicVariable(
                variable.content, variable.name, variable.dtype, shape, variable.dimensions, variable.attrs,
                variable.offset, stride,
            )  # fmt: skip

    def _attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in self._list(_ATTRIBUTES):
            name, dtype = self._name(), self._type()
            data = self._take(self._count() * dtype.itemsize, padded=True)
            if dtype.kind == "S":
                found[name] = data.rstrip(b"\0").decode("utf-8", "replace")
            else:
                found[name] = np.frombuffer(data, dtype)
        return found

    def _list(self, kind: int) -> range:
        tag, count = self._number(4), self._count()
        if tag not in (0, kind) or (tag == 0 and count) or count > _MOST_HEADER // 8:
            raise self._damaged("its header has a list that is none")
        return range(count)

    def _type(self) -> np.dtype[Any]:
        number = self._number(4)
        if not 1 <= number <= (len(_TYPES) if self._version == 5 else 6):
            raise self._damaged(f"it has a type {number}")
        return np.dtype(_TYPES[number - 1])

    def _name(self) -> str:
        return self._take(self._count(), padded=True).decode("utf-8", "replace")

    def _count(self, *, streaming: bool = False) -> int:
        """Return a length; -1 for that of a stream, which is not told."""
        width = 8 if self._version == 5 else 4
        value = self._number(width)
        if value == 2 ** (8 * width) - 1 and streaming:
            return -1
        return value

    def _number(self, width: int) -> int:
        return int.from_bytes(self._take(width), "big")

    def _take(self, length: int, *, padded: bool = False) -> bytes:
        stored = -(-length // 4) * 4 if padded else length
        if self._position + stored > min(self._content.size, _MOST_HEADER):
            raise self._damaged("its header is cut off or too long")
        if stored > len(self._held):
            wanted = max(_BLOCK, stored)
            self._held += self._content.read(self._position + len(self._held), wanted)
        data, self._held = self._held[:length], self._held[stored:]
        self._position += stored
        return data

    def _damaged(self, why: str) -> DamageError:
        return damaged_classic(self._content, why)


def damaged_classic(content: Content, why: str) -> DamageError:
    """Return the error of a file that cannot be read."""
    return DamageError(f"The NetCDF file {content.name!r} cannot be read: {why}.", "Fetch it again.")
