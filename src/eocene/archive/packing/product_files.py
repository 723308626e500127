"""The files of a product by their names in it, whether it is a folder, a zip or a tar file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import describe_file
from eocene.archive.packing.xml import LARGEST_XML_BYTES
from eocene.archive.packing.zips import (
    MEMBER,
    damaged_member,
    find_member,
    is_plain_name,
    is_tar,
    is_zip,
    list_members,
)
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class ProductFiles:
    """The files of one product.

    Parameters
    ----------
    root : Path
        A folder, or a zip or tar file.
    prefix : str
        The folder in the zip or tar file that the product is; empty, or with a slash at its end.
    """

    root: Path
    prefix: str = ""

    @property
    def is_packed(self) -> bool:
        """Whether it is a zip or tar file."""
        return not self.root.is_dir()

    def names(self) -> Sequence[str]:
        """Return all names, such as ``GRANULE/…/MTD_TL.xml``, sorted."""
        if self.is_packed:
            members = list_members(describe_file(self.root))
            return sorted(name.removeprefix(self.prefix) for name in members if name.startswith(self.prefix))
        files = (file for file in self.root.rglob("*") if file.is_file())
        return sorted(file.relative_to(self.root).as_posix() for file in files)

    def label(self, name: str) -> str:
        """Return what errors call a file."""
        return f"{self.root}/{self.prefix}{name}"

    def read(self, name: str) -> bytes:
        """Return a small file.

        Raises
        ------
        DamageError
            If it is missing, unreadable or larger than metadata are; it is named.
        """
        if self.is_packed:
            return find_member(self.root, self.prefix + self._check(name)).read()
        path = self.root / self._check(name)
        try:
            if path.stat().st_size > LARGEST_XML_BYTES:
                raise damaged_member(path, "it is too large for metadata")
            return path.read_bytes()
        except OSError as error:
            raise damaged_member(path, error.strerror or str(error)) from error

    def locate(self, name: str) -> dict[str, Any]:
        """Return the ``href`` of an asset, and in a zip or tar file its member.

        Raises
        ------
        InputError
            If the name leads out of the product.
        """
        if self.is_packed:
            return {"href": str(self.root.absolute()), MEMBER: self.prefix + self._check(name)}
        return {"href": str((self.root / self._check(name)).absolute())}

    def _check(self, name: str) -> str:
        if is_plain_name(name):
            return name
        raise InputError(
            f"The metadata of {str(self.root)!r} name the file {name!r}, which is no file of the product.",
            "Fetch the product again.",
        )


def find_products(path: Path, marker: re.Pattern[str]) -> Iterator[ProductFiles]:
    """Yield the products whose marking file, such as their main metadata, lies at their top.

    Parameters
    ----------
    path : Path
        A folder that is a product, or a zip or tar file that has products.
    marker : re.Pattern
        Matches the whole name of the marking file.

    Raises
    ------
    DamageError
        If a zip or tar file cannot be read.
    """
    if path.is_dir():
        if any(marker.fullmatch(entry.name) and entry.is_file() for entry in path.iterdir()):
            yield ProductFiles(path)
    elif is_zip(path) or is_tar(path):
        prefixes = dict.fromkeys(
            name.removesuffix(PurePosixPath(name).name)
            for name in list_members(describe_file(path))
            if name.count("/") <= 1 and marker.fullmatch(PurePosixPath(name).name)
        )
        yield from (ProductFiles(path, prefix) for prefix in prefixes)


def holds_product(path: Path, marker: re.Pattern[str], names: re.Pattern[str]) -> bool:
    """Tell whether a path has a product; a packed one that is damaged goes by its own name."""
    try:
        return next(find_products(path, marker), None) is not None
    except DamageError:
        return names.match(path.name) is not None
