"""An asset becomes a file of the workspace, and its bytes are vouched for.

A checksum of the source vouches for them, or else encryption on the way; over plain http, without a checksum,
an asset is fetched until two readings agree, and decoded once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from eocene.archive.fetch import Checksum, digest_file
from eocene.archive.fetch.urls import parse_url
from eocene.archive.integrity.checksums import CHECKSUM, SIZE, read_checksum
from eocene.archive.product import name_collection
from eocene.model.errors import DamageError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.archive.fetch import Door
    from eocene.archive.mirror.presets import Preset

SOURCE, TAG, KEY = "source", "eocene:etag", "eocene:asset"
_READINGS = 3
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,7}$")
_TYPES = {
    "image/tiff": ".tif", "image/jp2": ".jp2", "application/x-netcdf": ".nc", "application/netcdf": ".nc",
    "application/json": ".json", "application/geo+json": ".geojson", "application/xml": ".xml",
    "image/png": ".png", "image/jpeg": ".jpg", "application/vnd.apache.parquet": ".parquet",
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """An asset that is wanted.

    Attributes
    ----------
    key : str
        Its name at the source.
    asset : mapping
        As the source tells it.
    state : str
        Goes into the name of the file: one of another state of the item is another file.
    folder : Path
        Where the file goes.
    known : mapping, optional
        The asset as the workspace has it.
    """

    key: str
    asset: Mapping[str, Any]
    state: str
    folder: Path
    known: Mapping[str, Any] | None = None

    @property
    def has_file(self) -> bool:
        """Whether the workspace has its file, whole."""
        if self.known is None or SOURCE not in (self.known.get("alternate") or {}):
            return False
        path = Path(self.known["href"])
        return path.is_file() and path.stat().st_size == self.known.get(SIZE)


@dataclass(frozen=True)
class Fetched:
    """Where an asset is now.

    Attributes
    ----------
    key : str
        Its name at the source.
    href : str
        The path of its file, or its URL where it is read in place.
    fields : dict
        Size and checksum, and where it came from.
    bytes : int
        How many were fetched; 0 where the file was there.
    is_vouched : bool
        Whether a checksum or encryption says that the bytes are right; else its pixels have to be decoded.
    """

    key: str
    href: str
    fields: dict[str, Any]
    bytes: int = 0
    is_vouched: bool = True


@dataclass(frozen=True)
class Fetcher:
    """Brings assets into a workspace.

    Parameters
    ----------
    door : Door
        Which URLs may be asked.
    preset : Preset
        How they are asked for.
    """

    door: Door
    preset: Preset

    def fetch(self, part: Part) -> Fetched:
        """Return the file of an asset: the one that is there if it is the same, else a new one.

        Raises
        ------
        InputError
            If its URL is not allowed, or credentials are missing.
        DamageError
            If it cannot be had whole and right.
        """
        try:
            return self._fetch(part)
        except DamageError:
            self.preset.access.forget()  # a token may have ended on the way
            return self._fetch(part)

    def refer(self, part: Part) -> Fetched:
        """Return an asset that stays where it is, to be read in place; nothing is asked.

        Raises
        ------
        UnavailableError
            If its URL is not among those that may be read, or is signed.
        """
        href = self.door.locate(self.preset.choose_href(part.asset))
        if parse_url(href).name != href:
            raise UnavailableError(
                f"{parse_url(href).name!r} is signed; signatures end and are not kept.", "Copy the files."
            )
        return Fetched(part.key, href, _tell_source(part, href, ""))

    def _fetch(self, part: Part) -> Fetched:
        href, told = self.preset.choose_href(part.asset), read_checksum(part.asset)
        known = dict(part.known or {}) if part.has_file else {}
        if told is not None and str(told) == known.get(CHECKSUM):
            return self._keep(part, href)
        url, headers = self.preset.access.prepare(self.door, href)
        _, size, tag = self.door.identify(url, headers)
        if (
            told is None
            and tag
            and known
            and (known[SIZE], known["alternate"][SOURCE].get(TAG)) == (size, tag)
        ):
            return self._keep(part, href)
        mark = sha256(f"{part.state} {tag} {size}".encode()).hexdigest()[:12]
        target, fetched = part.folder / name_file(part.key, mark, href, part.asset), 0
        if not (target.exists() and (told is None or told.matches(target))):
            self._download(url, headers, target, told)
            fetched = target.stat().st_size
        found = digest_file(target, told.algorithm if told else "sha256")
        fields = {SIZE: target.stat().st_size, CHECKSUM: str(found)}
        is_vouched = told is not None or parse_url(url).scheme != "http"
        return Fetched(
            part.key, str(target), fields | _tell_source(part, href, str(tag)), fetched, is_vouched
        )

    def _keep(self, part: Part, href: str) -> Fetched:
        known = part.known or {}
        fields = {name: known[name] for name in (SIZE, CHECKSUM) if name in known}
        told = _tell_source(part, href, known["alternate"][SOURCE].get(TAG, ""))
        return Fetched(part.key, str(known["href"]), fields | told)

    def _download(self, url: str, headers: Mapping[str, str], target: Path, told: Checksum | None) -> None:
        if told is not None or parse_url(url).scheme != "http":
            self.door.download(url, target, checksum=None if told is None else str(told), headers=headers)
            return
        readings: dict[Checksum, Path] = {}
        for number in range(_READINGS):
            reading = target.with_name(f"{target.name}.{number}")
            if not reading.exists():
                self.door.download(url, reading, headers=headers)
            found = digest_file(reading)
            if found in readings:
                reading.replace(target)
                break
            readings[found] = reading
        for number in range(_READINGS):
            target.with_name(f"{target.name}.{number}").unlink(missing_ok=True)
        if not target.exists():
            raise DamageError(
                f"{parse_url(url).name!r} comes with other bytes each time.", "Use its https address."
            )


def _tell_source(part: Part, href: str, tag: str) -> dict[str, Any]:
    """Return the field that says where an asset came from; without signatures."""
    source = {"href": parse_url(href).name, KEY: part.key} | ({TAG: tag} if tag else {})
    return {"alternate": {SOURCE: source}}


def name_file(key: str, mark: str, href: str, asset: Mapping[str, Any]) -> str:
    """Return the name of an asset's file: plain, with the suffix that its URL or its type tells."""
    parts = [unquote(part) for part in PurePosixPath(parse_url(href).path).parts]
    last = parts[-2] if parts[-1:] == ["$value"] and len(parts) > 1 else parts[-1]  # Nodes(B02.jp2)/$value
    found = _SUFFIX.search(last.rstrip(")"))
    media = str(asset.get("type", "")).partition(";")[0].strip()
    suffix = (found[0] if found else _TYPES.get(media, "")).lower()
    return f"{name_plainly(key.removesuffix(suffix))}.{mark}{suffix}"


def name_plainly(text: str) -> str:
    """Return a name for a file or folder: the text itself if it is plain, else with a hash of it."""
    plain = name_collection(text)[:80]
    return plain if plain == text else f"{plain}-{sha256(text.encode()).hexdigest()[:8]}"
