"""The metadata of Landsat Collection 2 (MTL), in each of its three forms: JSON, text (ODL) and XML.

Source: USGS, Landsat 8-9 Collection 2 Level 2 Science Product Guide (LSDS-1619), appendix A.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from eocene.archive.packing.xml import Metadata, local_name
from eocene.archive.packing.zips import damaged_member
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from eocene.model.errors import DamageError

_ROOT = "LANDSAT_METADATA_FILE"
_LINE = re.compile(r'^\s*(\w+)\s*=\s*"?(.*?)"?\s*$')
_MOST_LINES = 100_000


@dataclass(frozen=True)
class Mtl:
    """Groups of fields; what is missing or no number raises DamageError that names file and field."""

    groups: Mapping[str, Mapping[str, str]]
    name: str

    def text(self, group: str, field: str) -> str:
        """Return a field's text."""
        text = self.groups.get(group, {}).get(field, "")
        if not text:
            raise self.damage(f"it has no {field} in {group}")
        return text

    def number(self, group: str, field: str) -> float:
        """Return a field's finite number."""
        number = self.optional_number(group, field)
        if number is None:
            raise self.damage(f"it has no {field} in {group}")
        return number

    def optional_number(self, group: str, field: str) -> float | None:
        """Return a field's finite number, or None where there is no such field."""
        text = self.groups.get(group, {}).get(field)
        if text is None:
            return None
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if not abs(number) < float("inf"):
            raise self.damage(f"its {field} is no number: {text!r}")
        return number

    def time(self, group: str, *fields: str) -> str:
        """Return an instant, RFC 3339 in UTC, of a field or of a date and a time of day."""
        text = "T".join(self.text(group, field) for field in fields)
        whole = re.sub(r"(\.\d{6})\d+", r"\1", text)  # they write a tenth of a microsecond
        try:
            moment = datetime.fromisoformat(whole)
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError) as error:
            raise self.damage(f"its {fields[0]} is no time: {text!r}") from error
        return moment.isoformat().replace("+00:00", "Z")

    def damage(self, why: str) -> DamageError:
        """Return the error of this file."""
        return damaged_member(self.name, why)


def parse_mtl(content: bytes, name: str) -> Mtl:
    """Read an MTL file; its form follows from its first character.

    Raises
    ------
    DamageError
        If it cannot be read.
    InputError
        If it is of Collection 1, which USGS has replaced.
    """
    try:
        text = content.decode("utf-8").lstrip("\ufeff \r\n")
        if text.startswith("{"):
            tree = json.loads(text)
        elif text.startswith("<"):
            tree = _read_xml(content, name)
        else:
            tree = _read_odl(text)
    except (ValueError, RecursionError) as error:
        raise damaged_member(name, str(error)) from error
    if isinstance(tree, dict) and "L1_METADATA_FILE" in tree:
        raise InputError(
            f"The product of {name!r} is of Landsat Collection 1, which USGS has replaced.",
            "Fetch it in Collection 2, or ingest its GeoTIFFs without the MTL file.",
        )
    groups = tree.get(_ROOT) if isinstance(tree, dict) else None
    if not isinstance(groups, dict):
        raise damaged_member(name, f"it has no {_ROOT}")
    return Mtl({key: _read_group(value) for key, value in groups.items()}, name)


def _read_group(value: object) -> dict[str, str]:
    fields = value if isinstance(value, dict) else {}
    return {
        str(key): str(text).strip() for key, text in fields.items() if isinstance(text, str | int | float)
    }


def _read_xml(content: bytes, name: str) -> dict[str, Any]:
    root = Metadata.parse(content, name).root
    groups = {local_name(group): {local_name(field): field.text or "" for field in group} for group in root}
    return {local_name(root): groups}


def _read_odl(text: str) -> dict[str, Any]:
    """Read ``GROUP = A … KEY = VALUE … END_GROUP = A``, two levels deep."""
    tree: dict[str, Any] = {}
    path: list[dict[str, Any]] = [tree]
    for line in text.splitlines()[:_MOST_LINES]:
        match = _LINE.match(line)
        key, value = match.groups() if match else (line.strip(), "")
        if key == "GROUP":
            path.append(path[-1].setdefault(value, {}))
        elif key == "END_GROUP":
            path.pop()
        elif key != "END" and match:
            path[-1][key] = value
        if not path or len(path) > 4 or not isinstance(path[-1], dict):
            raise ValueError("its groups do not match")
    if len(path) != 1:
        raise ValueError("it is cut off in a group")
    return tree
