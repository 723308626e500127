"""The one door to the outside: every path and URL that the archive opens passes here.

An item is data that somebody else wrote; its ``href`` may point anywhere. The door lets through
regular local files inside the allowed roots, after symbolic links are resolved, and nothing else.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from eocene.archive.fetch.content import LocalContent
from eocene.model.errors import DamageError, InputError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eocene.archive.fetch.content import Content

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):")
_REMOTE = {"http", "https", "s3", "gs", "gcs", "az", "abfs", "abfss", "ftp", "ftps", "hdfs", "oss", "sftp"}
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f<>|\\]|/vsi|^vsi", re.IGNORECASE)
_SUFFIXES = (".vrt", ".xml", ".wms", ".url")
_LONGEST = 4096


@dataclass(frozen=True)
class Door:
    """Lets local files inside ``roots`` through.

    Parameters
    ----------
    roots : tuple of Path
        Folders, or single files, with symbolic links resolved.
    """

    roots: tuple[Path, ...]

    @classmethod
    def of(cls, roots: Iterable[Path]) -> Door:
        """Return the door of these roots, their symbolic links resolved."""
        return cls(tuple(dict.fromkeys(root.resolve() for root in roots)))

    def resolve(self, href: str, base: Path | None = None) -> Path:
        """Return the file that ``href`` names, absolute and with links resolved.

        Parameters
        ----------
        href : str
            A local path or a ``file:`` URL.
        base : Path, optional
            The folder that a relative path starts from; without it a relative path is refused.

        Raises
        ------
        InputError
            If it names something that must not be opened.
        UnavailableError
            If it is remote.
        DamageError
            If the file has gone.
        """
        path = Path(parse_href(href))
        if not path.is_absolute():
            if base is None:
                raise _refusal(href, "it is relative and nothing says to what")
            path = base / path
        try:
            resolved = path.resolve(strict=True)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DamageError(
                f"The file {str(path)!r} does not exist.",
                "Put it back where it was, or ingest the product again from its new place.",
            ) from error
        except (OSError, RuntimeError) as error:
            raise _refusal(href, "its path cannot be resolved") from error
        self._confine(href, resolved)
        return resolved

    def open(self, href: str) -> Content:
        """Return what an href names, to be read in ranges.

        Raises
        ------
        InputError, UnavailableError, DamageError
            As for :meth:`resolve`.
        """
        return LocalContent(self.resolve(href))

    def _confine(self, href: str, resolved: Path) -> None:
        # A link may lead to a name that would not have passed as such.
        parse_href(str(resolved))
        if not any(resolved == root or resolved.is_relative_to(root) for root in self.roots):
            raise _refusal(href, "it lies outside the workspace and the folders that were ingested")
        if not stat.S_ISREG(resolved.stat().st_mode):
            raise _refusal(href, "it is not a regular file")


def parse_href(href: str) -> str:
    """Return the local path that an href spells, without touching the disk.

    Raises
    ------
    InputError
        If it spells a GDAL virtual file, a virtual data set or another trick.
    UnavailableError
        If it is remote.
    """
    if not isinstance(href, str) or not href.strip():
        raise _refusal(href, "it is not a path")
    if len(href) > _LONGEST:
        raise _refusal(href[:60] + "…", f"it is longer than {_LONGEST} characters")
    text, scheme = href, _SCHEME.match(href.strip())
    if scheme:
        text = _local_path(href.strip(), scheme.group(1).lower())
    elif href.startswith("//"):
        raise _refusal(href, "it names another machine")
    if _FORBIDDEN.search(text) or text.lower().endswith(_SUFFIXES):
        raise _refusal(href, "only plain files of the supported formats are opened")
    return text


def _local_path(href: str, scheme: str) -> str:
    if scheme in _REMOTE:
        raise UnavailableError(
            f"The asset {href!r} is remote, and reading over the network is not built in this version.",
            "Download the product and ingest the local copy.",
        )
    parts = urlsplit(href)
    if scheme != "file" or parts.netloc not in ("", "localhost"):
        raise _refusal(href, f"the scheme {scheme!r} is not supported")
    return unquote(parts.path)


def _refusal(href: object, why: str) -> InputError:
    return InputError(
        f"The asset path {href!r} is refused: {why}.",
        "Give a local file inside the folder that is ingested, or ingest the folder where it lies.",
        code="FilePathInvalid",
    )
