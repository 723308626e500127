"""XML that strangers wrote: parsed without document types, entities or anything outside the text."""

from __future__ import annotations

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


def _damage(name: str, why: str) -> DamageError:
    return DamageError(f"The XML file {name!r} cannot be read: {why}.", "Fetch the product again.")
