"""Checksums of assets: made when a product comes in, compared whenever somebody asks.

A file's size and SHA-256 stand in its asset (``file:size``, ``file:checksum``). An asset that is a folder,
such as a Zarr store, has ``eocene:tree_checksum``: the hash of a list with the hash of each of its files,
which is kept in the workspace under that hash, so that a changed file in it can be named.

Source: STAC file extension 2.1.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import Checksum, digest_file, is_remote, parse_href
from eocene.archive.packing.zips import MEMBER
from eocene.archive.product import name_extensions
from eocene.model.errors import DamageError, EoceneError, InputError, UnavailableError
from eocene.model.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from eocene.archive.fetch import Door

SIZE, CHECKSUM, TREE = "file:size", "file:checksum", "eocene:tree_checksum"
THREADS = min(8, (os.cpu_count() or 1) + 2)
"""Hashing lets other threads run, and disks like several requests."""


def add_checksums(
    items: Sequence[dict[str, Any]],
    door: Door,
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Return items whose local assets tell size and checksum; each file is read once.

    Parameters
    ----------
    items : sequence of dict
        Items with absolute hrefs; what is remote stays as it is.
    door : Door
        Which files may be opened.
    folder : Path
        Where the lists of folders are kept.
    progress : callable, optional
        Called with (files read, all files).

    Raises
    ------
    DamageError
        If a file cannot be read, or is not the one that its item tells by a checksum; it is named.
    """
    declared = _gather(items)
    facts: dict[str, dict[str, Any] | None] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = {
            href: pool.submit(_measure, href, told, door, folder) for href, told in sorted(declared.items())
        }
        try:
            for number, (href, job) in enumerate(jobs.items(), start=1):
                facts[href] = job.result()
                if progress is not None:
                    progress(number, len(jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [_tell(item, facts) for item in items]


def _gather(items: Sequence[dict[str, Any]]) -> dict[str, Checksum | None]:
    """Return each local file with the checksum that it should have, if an asset tells one."""
    declared: dict[str, Checksum | None] = {}
    for item in items:
        for asset in item["assets"].values():
            href = asset.get("href")
            if isinstance(href, str) and not is_remote(href):
                declared[href] = read_checksum(asset) or declared.get(href)
    return declared


def read_checksum(asset: Mapping[str, Any]) -> Checksum | None:
    """Return what an asset's file should hash to; None if nothing usable is told, or of a part of it."""
    if MEMBER in asset or not isinstance(asset.get(CHECKSUM), str):
        return None
    try:
        return Checksum.parse(asset[CHECKSUM])
    except InputError:
        return None


def _measure(href: str, told: Checksum | None, door: Door, folder: Path) -> dict[str, Any] | None:
    """Return the fields of a file or folder; None of what is neither data of ours nor there."""
    path = find_folder(href, door)
    if path is not None:
        lines = list_tree(path, door)
        write_tree(folder, lines)
        return {SIZE: measure_tree(path), TREE: hash_tree(lines)}
    try:
        path = door.resolve(href)
    except (EoceneError, UnavailableError):
        return None  # such as a thumbnail that was left out; data have been inspected before
    found = digest(path, told.algorithm if told else "sha256")
    if told is not None and told != found:
        raise DamageError(
            f"The file {str(path)!r} has the checksum {found}, its item tells {told}.",
            "Fetch the product again, or correct file:checksum of the item.",
        )
    return {SIZE: path.stat().st_size, CHECKSUM: str(found)}


def digest(path: Path, algorithm: str) -> Checksum:
    """Return the checksum of a file.

    Raises
    ------
    DamageError
        If it cannot be read.
    """
    try:
        return digest_file(path, algorithm)
    except OSError as error:
        raise DamageError(
            f"The file {str(path)!r} cannot be read: {error.strerror}.", "Check the disk that it lies on."
        ) from error


def _tell(item: dict[str, Any], facts: Mapping[str, dict[str, Any] | None]) -> dict[str, Any]:
    assets = {name: asset | (facts.get(asset.get("href")) or {}) for name, asset in item["assets"].items()}
    told = item | {"assets": assets}
    extensions = dict.fromkeys([*item.get("stac_extensions", []), *name_extensions(told)])
    return told | {"stac_extensions": list(extensions)}


# -- folders -----------------------------------------------------------------------------------


def find_folder(href: str, door: Door) -> Path | None:
    """Return the folder that an href names, None if it names no folder, or one that is out of bounds."""
    try:
        named = Path(parse_href(href))
        path = named.resolve()
    except (EoceneError, OSError, RuntimeError):
        return None
    return path if named.is_absolute() and path.is_dir() and is_inside(path, door) else None


def is_inside(path: Path, door: Door) -> bool:
    """Tell whether a resolved path lies in what the door lets through."""
    return any(path == root or path.is_relative_to(root) for root in door.roots)


def list_tree(path: Path, door: Door) -> dict[str, str]:
    """Return the SHA-256 of each file in a folder by its name in it, sorted.

    Raises
    ------
    InputError
        If a link in it leads out of bounds.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {
        file.relative_to(path).as_posix(): digest(door.resolve(str(file)), "sha256").digest for file in files
    }


def measure_tree(path: Path) -> int:
    """Return how many bytes the files in a folder have together."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _spell(lines: Mapping[str, str]) -> str:
    return "".join(f"{digest} {name}\n" for name, digest in lines.items())


def hash_tree(lines: Mapping[str, str]) -> str:
    """Return the checksum of a folder: the multihash of its list."""
    return "1220" + hashlib.sha256(_spell(lines).encode()).hexdigest()


def write_tree(folder: Path, lines: Mapping[str, str]) -> None:
    """Keep the list of a folder under its checksum."""
    target = folder / f"{hash_tree(lines)}.txt"
    if not target.exists():
        write_text(target, _spell(lines))


def read_tree(folder: Path, checksum: str) -> dict[str, str] | None:
    """Return the list that was kept under a checksum; None if it is missing or was changed itself."""
    if not checksum.isalnum():
        return None
    try:
        text = (folder / f"{checksum}.txt").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    pairs = (line.split(" ", 1) for line in text.splitlines())
    lines = {pair[1]: pair[0] for pair in pairs if len(pair) == 2}
    return lines if hash_tree(lines) == checksum else None


def group_uses(items: Iterable[dict[str, Any]]) -> dict[str, list[tuple[dict[str, Any], str]]]:
    """Return the items and assets that name each file, by its href."""
    uses: dict[str, list[tuple[dict[str, Any], str]]] = defaultdict(list)
    for item in items:
        for name, asset in item["assets"].items():
            uses[str(asset.get("href", ""))].append((item, name))
    return uses
