"""Maps and observations as linked data, and GeoSPARQL over them.

Needs the extra ``link``; without it the import raises UnavailableError.
"""

from eocene.link import _extra  # noqa: F401 - first, so that a missing extra is told well
from eocene.link.answer import Solutions
from eocene.link.mapping import map_features, map_observations, map_parcels
from eocene.link.provenance import JobRecord, hash_graph, map_provenance
from eocene.link.questions import Question, ask, examples
from eocene.link.rdf import BASE, PREFIXES, class_iri, feature_iri, job_graph, layer_graph
from eocene.link.store import LinkStore

__all__ = [
    "BASE",
    "PREFIXES",
    "JobRecord",
    "LinkStore",
    "Question",
    "Solutions",
    "ask",
    "class_iri",
    "examples",
    "feature_iri",
    "hash_graph",
    "job_graph",
    "layer_graph",
    "map_features",
    "map_observations",
    "map_parcels",
    "map_provenance",
]
