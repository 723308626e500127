"""A damaged file fetched again from where it came, and put in place once its checksum is right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eocene.archive.fetch import is_remote
from eocene.archive.integrity.checksums import CHECKSUM, is_inside
from eocene.archive.mirror.presets import find_access
from eocene.archive.mirror.sync_fetch import SOURCE
from eocene.model.errors import EoceneError

if TYPE_CHECKING:
    from eocene.archive.fetch import Door
    from eocene.archive.integrity.check import Finding


def repair_file(finding: Finding, door: Door) -> str | None:
    """Fetch a file again; the damaged one stays until the new one is whole and has the right checksum.

    Parameters
    ----------
    finding : Finding
        What is wrong.
    door : Door
        Which files may be written to, and which URLs be asked.

    Returns
    -------
    str or None
        Why the file is not right again; None if it is.
    """
    source = (finding.asset.get("alternate") or {}).get(SOURCE) or {}
    href, checksum = source.get("href"), finding.asset.get(CHECKSUM)
    if not isinstance(href, str) or not is_remote(href) or not checksum:
        return "no source with a checksum is recorded of it; fetch and ingest the product again."
    path = Path(finding.file)
    target = path.resolve() if path.exists() else path.parent.resolve() / path.name
    if not is_inside(target, door):
        return "it lies outside the workspace and the folders that were ingested."
    preset = find_access(href)
    try:
        url, headers = preset.access.prepare(door, href)
        door.download(url, target, checksum=checksum, headers=headers)
    except EoceneError as error:
        return str(error)
    return None
