"""Products with faults: one file of a copy truncated, overwritten, swapped, removed or made hostile.

What is done follows from a seed alone, so that a failure can be met again. Half of the places lie in the
first or last 2 KiB of a file, where formats keep their headers, and text is also damaged as text.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Change = Callable[[bytes, np.random.Generator], bytes]

_HEADER_BYTES = 2048
_NUMBER = re.compile(rb"[-+]?\d+(?:\.\d+)?")
_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_:]{2,}")
_ODD_VALUES = (b"", b"NaN", b"-1", b"0", b"1e400", b"999999999999999999999", b"abc", b"../../../etc/passwd")
_BOMB = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e0 "eeeeeeeeee"><!ENTITY f SYSTEM "file:///etc/passwd">
%s]><a>&f;&e9;</a>""" % b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 10))


@dataclass(frozen=True)
class Damage:
    """What was done to a copy of a product: the copy, the file in it, and how."""

    product: Path
    file: Path
    how: str


def damage_product(product: Path, folder: Path, seed: int) -> Damage:
    """Copy a product into a folder and damage one file of the copy.

    Parameters
    ----------
    product : Path
        A file, or a folder; it stays as it is.
    folder : Path
        An empty or new folder.
    seed : int
        Decides which file and how; each file of a product meets each way sooner or later.
    """
    copy = copy_product(product, folder)
    files = sorted(p for p in copy.rglob("*") if p.is_file()) if copy.is_dir() else _with_companions(copy)
    file = files[seed % len(files)]
    random = np.random.default_rng(seed)
    content = file.read_bytes()
    ways = {**_CHANGES, **(_TEXT_CHANGES if _is_text(content) else {})}
    how = [*ways, *_OTHER][int(random.integers(len(ways) + len(_OTHER)))]
    file.unlink()  # it may be a link to the original
    if how in ways:
        file.write_bytes(ways[how](content, random))
    elif how == "replaced by a folder":
        file.mkdir()
    elif how == "replaced by another file":
        shutil.copyfile(files[(seed + 1) % len(files)] if len(files) > 1 else __file__, file)
    return Damage(copy, file, how)


def copy_product(product: Path, folder: Path) -> Path:
    """Return a copy of a file, with those of the same name but for the suffix, or of a folder.

    Files are hard links where that works.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / product.name
    if product.is_dir():
        shutil.copytree(product, target, copy_function=_link)
    else:
        for file in _with_companions(product):
            _link(str(file), str(folder / file.name))
    return target


def _with_companions(file: Path) -> list[Path]:
    return sorted(p for p in file.parent.iterdir() if p.stem == file.stem and p.is_file())


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _is_text(content: bytes) -> bool:
    start = content[:_HEADER_BYTES]
    return bool(start) and all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in start)


def _place(size: int, random: np.random.Generator) -> int:
    """Return a position in a file, often in its header or trailer."""
    near = min(size, _HEADER_BYTES)
    where = random.random()
    if where < 0.35:
        return int(random.integers(near + 1))
    return size - int(random.integers(near + 1)) if where < 0.5 else int(random.integers(size + 1))


def _range(content: bytes, random: np.random.Generator) -> tuple[int, int]:
    start = _place(len(content), random)
    return start, min(len(content), start + int(2 ** random.uniform(0, 10)))


def _truncate(content: bytes, random: np.random.Generator) -> bytes:
    return content[: _place(len(content), random)]


def _flip_bits(content: bytes, random: np.random.Generator) -> bytes:
    changed = bytearray(content)
    for _ in range(int(random.integers(1, 9))) if changed else ():
        changed[min(_place(len(changed), random), len(changed) - 1)] ^= 1 << int(random.integers(8))
    return bytes(changed)


def _overwrite(content: bytes, random: np.random.Generator) -> bytes:
    start, stop = _range(content, random)
    fill = (bytes(stop - start), b"\xff" * (stop - start), random.bytes(stop - start))
    return content[:start] + fill[int(random.integers(3))] + content[stop:]


def _remove(content: bytes, random: np.random.Generator) -> bytes:
    start, stop = _range(content, random)
    return content[:start] + content[stop:]


def _repeat(content: bytes, random: np.random.Generator) -> bytes:
    start, stop = _range(content, random)
    return content[:stop] + content[start:stop] + content[stop:]


def _change_number(content: bytes, random: np.random.Generator) -> bytes:
    return _substitute(_NUMBER, content, _ODD_VALUES[int(random.integers(len(_ODD_VALUES)))], random)


def _change_word(content: bytes, random: np.random.Generator) -> bytes:
    return _substitute(_WORD, content, b"changed", random)


def _substitute(
    pattern: re.Pattern[bytes], content: bytes, text: bytes, random: np.random.Generator
) -> bytes:
    found = list(pattern.finditer(content))
    if not found:
        return content + text
    match = found[int(random.integers(len(found)))]
    return content[: match.start()] + text + content[match.end() :]


_CHANGES: dict[str, Change] = {
    "truncated": _truncate,
    "emptied": lambda _content, _random: b"",
    "bits flipped": _flip_bits,
    "overwritten": _overwrite,
    "bytes removed": _remove,
    "bytes repeated": _repeat,
    "random bytes": lambda content, random: random.bytes(max(len(content) // 2, 1)),
}
_TEXT_CHANGES: dict[str, Change] = {
    "a number changed": _change_number,
    "a word changed": _change_word,
    "a line lost": lambda content, random: content.replace(
        random.choice(np.asarray(content.splitlines(keepends=True), object)), b"", 1
    ),
    "not UTF-8": lambda content, random: content.replace(b"e", b"\xe9\xff", int(random.integers(1, 40))),
    "an entity bomb": lambda _content, _random: _BOMB,
}
_OTHER = ("gone", "replaced by a folder", "replaced by another file")
