"""XML that strangers wrote: parsed without document types, entities or anything outside the text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

LARGEST_XML_BYTES = 64 * 2**20
"""The largest metadata file that is parsed; those of real products stay below 30 MB."""


def parse_xml(content: bytes, name: str) -> Element:
    """Return the root element; tags keep their namespaces.

    Parameters
    ----------
    content : bytes
        The file.
    name : str
        What errors call it.

    Raises
    ------
    DamageError
        If it is not well-formed, too large, or has a document type or entities.
    """
    if len(content) > LARGEST_XML_BYTES:
        raise _damage(name, f"it is larger than {LARGEST_XML_BYTES >> 20} MiB")
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise _damage(name, str(error) or type(error).__name__) from error
    return root


def local_name(element: Element) -> str:
    """Return a tag without its namespace."""
    return str(element.tag).rpartition("}")[2]


def find_all(root: Element, *tags: str) -> Iterator[Element]:
    """Yield the elements below ``root`` with one of these tags, whatever their namespace."""
    return (element for element in root.iter() if local_name(element) in tags)


def find_text(root: Element, *tags: str) -> str | None:
    """Return the text of the first element with one of these tags, or None where it is missing or empty."""
    for element in find_all(root, *tags):
        text = (element.text or "").strip()
        if text:
            return text
    return None


@dataclass(frozen=True)
class Metadata:
    """An XML file whose fields are asked for by their tags, whatever their namespace.

    What is missing or no number raises DamageError, which names the file and the field.
    """

    root: Element
    name: str

    @classmethod
    def parse(cls, content: bytes, name: str) -> Metadata:
        """Parse a file; see :func:`parse_xml`."""
        return cls(parse_xml(content, name), name)

    def text(self, *tags: str) -> str:
        """Return the text of the first element with one of these tags."""
        text = find_text(self.root, *tags)
        if text is None:
            raise self.damage(f"it has no {' or '.join(tags)}")
        return text

    def number(self, *tags: str) -> float:
        """Return the finite number in the first element with one of these tags."""
        return self.parse_number(self.text(*tags), tags[0])

    def optional_number(self, *tags: str) -> float | None:
        """Return a finite number, or None where there is no such element."""
        text = find_text(self.root, *tags)
        return None if text is None else self.parse_number(text, tags[0])

    def time(self, *tags: str) -> str:
        """Return an instant as RFC 3339 in UTC; texts without a zone are UTC."""
        text = self.text(*tags)
        try:
            moment = datetime.fromisoformat(text)
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError) as error:
            raise self.damage(f"its {tags[0]} is no time: {text!r}") from error
        return moment.isoformat().replace("+00:00", "Z")

    def all(self, *tags: str) -> list[Element]:
        """Return the elements with one of these tags."""
        return list(find_all(self.root, *tags))

    def below(self, element: Element) -> Metadata:
        """Return a part of the file."""
        return Metadata(element, self.name)

    def parse_number(self, text: str | None, what: str) -> float:
        """Return the finite number that a text spells."""
        try:
            number = float(text or "")
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self.damage(f"its {what} is no number: {text!r}")
        return number

    def damage(self, why: str) -> DamageError:
        """Return the error of this file."""
        return _damage(self.name, why)


def _damage(name: str, why: str) -> DamageError:
    return DamageError(f"The XML file {name!r} cannot be read: {why}.", "Fetch the product again.")
