"""The archive looked through: each file compared with the checksum that it had when it came in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import Checksum, MissingError, is_remote, parse_href
from eocene.archive.integrity.checksums import (
    CHECKSUM,
    SIZE,
    THREADS,
    TREE,
    digest,
    find_folder,
    group_uses,
    list_tree,
    read_checksum,
    read_tree,
)
from eocene.archive.store import is_stored, open_object
from eocene.model.errors import DamageError, EoceneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from eocene.archive.fetch import Door

    Progress = Callable[[int, int], None]
    Repair = Callable[["Finding"], str | None]

_PIECE = 8 * 2**20
_BATCH = 2_000
"""Items looked at together: a file that several of them name is read once."""


@dataclass(frozen=True)
class Finding:
    """A file that is not as it was.

    Attributes
    ----------
    file : str
        Its path.
    fault : str
        ``missing``, ``truncated``, ``changed``, ``added`` or ``unreadable``.
    message : str
        What was expected and found.
    uses : tuple
        (collection, item, asset) of all that name the file.
    asset : dict
        The one whose checksum counts, for a repair; empty where two do not agree in it.
    """

    file: str
    fault: str
    message: str
    uses: tuple[tuple[str, str, str], ...]
    asset: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return what the command line prints."""
        uses = [dict(zip(("collection", "item", "asset"), use, strict=True)) for use in self.uses]
        return {"file": self.file, "fault": self.fault, "message": self.message, "assets": uses}


@dataclass
class Report:
    """What was looked at and found.

    Attributes
    ----------
    files, bytes : int
        That were compared.
    unchecked : int
        Files without a checksum, of which only the presence and a known size were compared.
    remote : int
        Assets that are read in place and were left out.
    findings : list of Finding
        What is wrong.
    repaired : list of Finding
        What was wrong, and is right again.
    """

    files: int = 0
    bytes: int = 0
    unchecked: int = 0
    remote: int = 0
    findings: list[Finding] = field(default_factory=list)
    repaired: list[Finding] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong any more."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Return what the command line prints."""
        return {
            "files": self.files,
            "bytes": self.bytes,
            "without_checksum": self.unchecked,
            "remote": self.remote,
            "damaged": [finding.to_dict() for finding in self.findings],
            "repaired": [finding.to_dict() for finding in self.repaired],
        }


def verify_items(
    items: Iterable[dict[str, Any]],
    door: Door,
    folder: Path,
    *,
    total: int = 0,
    progress: Progress | None = None,
    repair: Repair | None = None,
) -> Report:
    """Compare the files of items, also those in the object store, with their checksums.

    Parameters
    ----------
    items : iterable of dict
        Taken in batches, so that a million need no memory.
    door : Door
        Which files may be opened.
    folder : Path
        Where the lists of folders are kept.
    total : int
        How many items there are, for the progress.
    progress : callable, optional
        Called with (items looked at, all items).
    repair : callable, optional
        Called with each finding; returns None when its file is right again, else why it is not.
    """
    report, iterator, done = Report(), iter(items), 0
    seen: dict[str, None] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        while batch := list(islice(iterator, _BATCH)):
            uses = group_uses(batch)
            remote = [href for href in uses if is_remote(href) and not is_stored(href)]
            report.remote += sum(len(uses.pop(href)) for href in remote)
            looks = pool.map(lambda pair: _look(pair[0], pair[1], door, folder), uses.items())
            for number, look in enumerate(looks, start=1):
                _note(report, look, seen, repair)
                if progress is not None and number < len(uses):
                    progress(done + len(batch) * number // len(uses), max(total, done + len(batch)))
            done += len(batch)
            if progress is not None:
                progress(done, max(total, done))
    return report


@dataclass
class _Look:
    """What one file or folder came to."""

    bytes: int = 0
    compared: bool = False
    findings: list[Finding] = field(default_factory=list)


def _note(report: Report, look: _Look, seen: dict[str, None], repair: Repair | None) -> None:
    report.bytes += look.bytes
    report.files += look.compared
    report.unchecked += not look.compared and not look.findings
    for finding in look.findings:
        if finding.file not in seen:  # a file of several batches is told once
            seen[finding.file] = None
            why = "" if repair is None else repair(finding)
            told = f"{finding.message} It was not repaired: {why}" if why else finding.message
            (report.repaired if why is None else report.findings).append(replace(finding, message=told))


def _look(href: str, uses: list[tuple[dict[str, Any], str]], door: Door, folder: Path) -> _Look:
    names = tuple((item["collection"], item["id"], asset) for item, asset in uses)
    assets = [item["assets"][name] for item, name in uses]
    asset = next((a for a in assets if CHECKSUM in a or TREE in a), assets[0])
    look = _Look()
    agreed = len({a[CHECKSUM] for a in assets if CHECKSUM in a}) < 2

    def find(file: Path | str, fault: str, message: str) -> None:
        look.findings.append(Finding(str(file), fault, message, names, asset if agreed else {}))

    try:
        if is_remote(href):
            _compare_object(href, asset, look, find)
        elif TREE in asset:
            _compare_tree(href, asset, door, folder, look, find)
        else:
            _compare_file(href, asset, door, look, find)
    except MissingError:
        find(href if is_remote(href) else parse_href(href), "missing", "The file is not there.")
    except (EoceneError, OSError) as error:
        find(href, "unreadable", str(error))
    return look


def _compare_file(
    href: str, asset: Mapping[str, Any], door: Door, look: _Look, find: Callable[[Path, str, str], None]
) -> None:
    path = door.resolve(href)
    size, told = asset.get(SIZE), read_checksum({CHECKSUM: asset.get(CHECKSUM)})
    have = path.stat().st_size
    if isinstance(size, int) and have != size:
        fault = "truncated" if have < size else "changed"
        find(path, fault, f"It has {have} bytes instead of {size}.")
        return
    if told is None:
        return
    look.bytes, look.compared = have, True
    found = digest(path, told.algorithm)
    if found != told:
        find(path, "changed", f"Its checksum is {found} instead of {told}.")


def _compare_object(
    href: str, asset: Mapping[str, Any], look: _Look, find: Callable[[str, str, str], None]
) -> None:
    content = open_object(href)  # asked anew: the door remembers what it has opened
    size, told = asset.get(SIZE), read_checksum({CHECKSUM: asset.get(CHECKSUM)})
    if isinstance(size, int) and content.size != size:
        fault = "truncated" if content.size < size else "changed"
        find(href, fault, f"It has {content.size} bytes instead of {size}.")
        return
    if told is None:
        return
    look.bytes, look.compared = content.size, True
    digest = told.start()
    for offset in range(0, content.size, _PIECE):
        digest.update(content.read(offset, _PIECE))
    found = Checksum(told.algorithm, digest.hexdigest())
    if found != told:
        find(href, "changed", f"Its checksum is {found} instead of {told}.")


def _compare_tree(
    href: str,
    asset: Mapping[str, Any],
    door: Door,
    folder: Path,
    look: _Look,
    find: Callable[[Path, str, str], None],
) -> None:
    path = find_folder(href, door)
    if path is None:
        find(Path(parse_href(href)), "missing", "The folder is not there.")
        return
    wanted, found = read_tree(folder, str(asset[TREE])), list_tree(path, door)
    look.bytes, look.compared = sum((path / name).stat().st_size for name in found), True
    if wanted is None:
        raise DamageError(
            f"The list of the files in {str(path)!r} is not in {str(folder)!r} or was changed.",
            "Ingest the product again.",
        )
    for name, fault, message in _differences(wanted, found):
        find(path / name, fault, message)


def _differences(wanted: Mapping[str, str], found: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in sorted({*wanted, *found}):
        if name not in found:
            yield name, "missing", "The file is not there."
        elif name not in wanted:
            yield name, "added", "The file was not there when the folder came in."
        elif wanted[name] != found[name]:
            yield (
                name, "changed", f"Its checksum is {Checksum('sha256', found[name])} instead of "
                f"{Checksum('sha256', wanted[name])}.",
            )  # fmt: skip
