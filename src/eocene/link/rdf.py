"""RDF terms and the vocabularies that this room speaks.

Everything of our own hangs under one base IRI, by default ``urn:eocene:``. It is a URN, so that
it promises no web page; give an ``https://…/`` of your own to publish. Under the base stand

======================  ===========================================================
``def:<name>``          our few terms: ``Parcel``, ``WaterBody``, ``landClass``, …
``feature:<layer>:<id>``     one feature of a layer; its geometry adds ``:geometry``
``class:<name>``        one land-cover or crop class, a ``skos:Concept``
``property:<name>``     one observed property, such as ``NDVI``
``observation:<hash>``  one observation
``layer:<layer>``       the named graph of a layer
``job:<id>``            a job, which is also the named graph of its provenance
``item:<collection>:<id>``, ``model:<id>``, ``process-graph:<sha256>``, ``software:<name>:<version>``
======================  ===========================================================

Parts are percent-encoded, so every identifier has exactly one IRI and the same input gives the
same triples.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode

from eocene.model import InputError

if TYPE_CHECKING:
    import pandas as pd

BASE = "urn:eocene:"

GEO = "http://www.opengis.net/ont/geosparql#"
GEOF = "http://www.opengis.net/def/function/geosparql/"
PROV = "http://www.w3.org/ns/prov#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
SOSA = "http://www.w3.org/ns/sosa/"
UOM = "http://www.opengis.net/def/uom/OGC/1.0/"
UNIT = "http://qudt.org/vocab/unit/"
XSD = "http://www.w3.org/2001/XMLSchema#"
DCTERMS = "http://purl.org/dc/terms/"

PREFIXES = {
    "ecn": BASE + "def:",
    "geo": GEO,
    "geof": GEOF,
    "prov": PROV,
    "rdf": RDF,
    "rdfs": RDFS,
    "skos": SKOS,
    "sosa": SOSA,
    "uom": UOM,
    "unit": UNIT,
    "xsd": XSD,
    "dcterms": DCTERMS,
}
"""Prefixes known to every query without declaration; ``ecn:`` follows the store's base."""

TYPE = NamedNode(RDF + "type")
LABEL = NamedNode(RDFS + "label")
WKT_LITERAL = NamedNode(GEO + "wktLiteral")
AS_WKT = NamedNode(GEO + "asWKT")
HAS_GEOMETRY = NamedNode(GEO + "hasGeometry")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*$")


def check_base(base: str) -> str:
    """Return the base IRI; raises InputError unless it is absolute and ends in ``:``, ``/`` or ``#``."""
    if not _SCHEME.match(base) or base[-1] not in ":/#":
        raise InputError(
            f"{base!r} cannot be the base of IRIs.",
            "Give an absolute IRI that ends in ':', '/' or '#', such as urn:eocene: or https://my.org/eo/.",
        )
    return base


def mint(base: str, *parts: object) -> NamedNode:
    """Make the IRI ``base + part:part:…``, each part percent-encoded."""
    return NamedNode(base + ":".join(quote(str(part), safe="~.-_") for part in parts))


def term(base: str, name: str) -> NamedNode:
    """Return one term of our own vocabulary."""
    return NamedNode(f"{base}def:{name}")


def layer_graph(layer: str, base: str = BASE) -> NamedNode:
    """Return the named graph that holds a layer."""
    return mint(base, "layer", layer)


def job_graph(job: str, base: str = BASE) -> NamedNode:
    """Return the IRI of a job, which is also the named graph of its provenance."""
    return mint(base, "job", job)


def feature_iri(layer: str, identifier: object, base: str = BASE) -> NamedNode:
    """Return the IRI of a feature."""
    return mint(base, "feature", layer, identifier)


def class_iri(name: str, base: str = BASE) -> NamedNode:
    """Return the IRI of a class."""
    return mint(base, "class", name)


def wkt_literal(wkt: str) -> Literal:
    """Return a GeoSPARQL literal in CRS84 (longitude, latitude), which is its default."""
    return Literal(wkt, datatype=WKT_LITERAL)


def date_time(moment: datetime | pd.Timestamp | str) -> Literal:
    """Return an ``xsd:dateTime`` in UTC; a time without zone is taken as UTC.

    Raises
    ------
    InputError
        If a text is not an ISO 8601 time.
    """
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError as error:
            raise InputError(
                f"{moment!r} is not a time.", "Write an instant such as 2024-06-01T10:00:00Z."
            ) from error
    moment = moment.astimezone(UTC) if moment.tzinfo else moment
    text = moment.replace(tzinfo=None).isoformat(timespec="microseconds").rstrip("0").rstrip(".")
    return Literal(text + "Z", datatype=NamedNode(XSD + "dateTime"))
