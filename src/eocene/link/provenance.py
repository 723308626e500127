"""Where a result came from, as PROV-O.

::

    job:42 a prov:Activity ; prov:used process-graph:…, item:sentinel-2-l2a:…, model:… ;
        prov:wasAssociatedWith software:eocene:0.1.0 ; prov:generated layer:parcels .

Source: W3C PROV-O, 2013.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyoxigraph import Literal, NamedNode, Quad

from eocene._version import __version__
from eocene.link.rdf import (
    BASE,
    DCTERMS,
    LABEL,
    PROV,
    RDF,
    TYPE,
    check_base,
    date_time,
    job_graph,
    layer_graph,
    mint,
    term,
)
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True)
class JobRecord:
    """What is told about one job.

    ``graph`` is the openEO process graph, ``items`` the STAC items read (dicts with ``id`` and
    ``collection``), ``model`` a dict with ``id`` and optionally ``name``, ``layers`` the names of
    the layers it made, ``started`` and ``ended`` ISO 8601 times.
    """

    id: str
    graph: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]] = ()
    model: Mapping[str, Any] | None = None
    layers: Sequence[str] = ()
    title: str | None = None
    started: str | None = None
    ended: str | None = None
    software: Mapping[str, str] = field(default_factory=lambda: {"eocene": __version__})


def map_provenance(job: JobRecord | Mapping[str, Any], *, base: str = BASE) -> Iterator[Quad]:
    """Map a job to quads in its own named graph, `job_graph(job.id)`.

    Parameters
    ----------
    job : JobRecord or mapping
        A mapping has the fields of `JobRecord`; ``id`` and ``graph`` are needed.

    Raises
    ------
    InputError
        A field is unknown or missing, the graph is not JSON, an item or model has no id, a time
        cannot be read.
    """
    check_base(base)
    record = job if isinstance(job, JobRecord) else _read_record(job)
    return iter(list(_emit_job(record, base)))


def hash_graph(graph: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a process graph's canonical JSON (keys sorted, no blanks).

    Raises
    ------
    InputError
        If the graph holds something that JSON has not.
    """
    return hashlib.sha256(_canonical(graph).encode()).hexdigest()


def _canonical(graph: Mapping[str, Any]) -> str:
    try:
        return json.dumps(graph, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The process graph is not JSON: {error}.", "Give the graph as openEO writes it."
        ) from error


def _read_record(job: Mapping[str, Any]) -> JobRecord:
    try:
        return JobRecord(**job)
    except TypeError as error:
        raise InputError(
            f"The job cannot be read: {str(error).replace('JobRecord.__init__() ', '')}.",
            "Its fields are id, graph, items, model, layers, title, started, ended and software.",
        ) from error


def _emit_job(job: JobRecord, base: str) -> Iterator[Quad]:
    graph = activity = job_graph(job.id, base)
    used, entity = NamedNode(PROV + "used"), NamedNode(PROV + "Entity")
    yield Quad(activity, TYPE, NamedNode(PROV + "Activity"), graph)
    yield Quad(activity, LABEL, Literal(job.title or f"Job {job.id}"), graph)
    for name, moment in (("startedAtTime", job.started), ("endedAtTime", job.ended)):
        if moment is not None:
            yield Quad(activity, NamedNode(PROV + name), date_time(moment), graph)
    sources = [*_emit_graph(job.graph, graph, base), *_emit_items(job.items, graph, base)]
    sources += _emit_model(job.model, graph, base)
    yield from sources
    for node in dict.fromkeys(quad.subject for quad in sources):
        yield Quad(node, TYPE, entity, graph)
        yield Quad(activity, used, node, graph)
    for name, version in sorted(job.software.items()):
        yield from _emit_software(activity, name, version, base)
    for layer in job.layers:
        made = layer_graph(layer, base)
        yield Quad(made, TYPE, entity, graph)
        yield Quad(made, LABEL, Literal(layer), graph)
        yield Quad(made, NamedNode(PROV + "wasGeneratedBy"), activity, graph)
        yield Quad(activity, NamedNode(PROV + "generated"), made, graph)


def _emit_graph(process_graph: Mapping[str, Any], graph: NamedNode, base: str) -> Iterator[Quad]:
    digest = hash_graph(process_graph)
    node = mint(base, "process-graph", digest)
    yield Quad(node, TYPE, term(base, "ProcessGraph"), graph)
    yield Quad(node, NamedNode(DCTERMS + "identifier"), Literal(f"sha256:{digest}"), graph)
    text = Literal(_canonical(process_graph), datatype=NamedNode(RDF + "JSON"))
    yield Quad(node, NamedNode(PROV + "value"), text, graph)


def _emit_items(items: Sequence[Mapping[str, Any]], graph: NamedNode, base: str) -> Iterator[Quad]:
    for item in items:
        identifier = _read_id(item, "A source item")
        collection = str(item.get("collection") or "")
        node = mint(base, "item", collection, identifier)
        yield Quad(node, TYPE, term(base, "Item"), graph)
        yield Quad(node, NamedNode(DCTERMS + "identifier"), Literal(identifier), graph)
        if collection:
            yield Quad(node, term(base, "collection"), Literal(collection), graph)
        moment = item.get("properties", {}).get("datetime")
        if moment:
            yield Quad(node, NamedNode(DCTERMS + "date"), date_time(str(moment)), graph)


def _emit_model(model: Mapping[str, Any] | None, graph: NamedNode, base: str) -> Iterator[Quad]:
    if model is None:
        return
    identifier = _read_id(model, "The model")
    node = mint(base, "model", identifier)
    yield Quad(node, TYPE, term(base, "Model"), graph)
    yield Quad(node, NamedNode(DCTERMS + "identifier"), Literal(identifier), graph)
    yield Quad(node, LABEL, Literal(str(model.get("name") or identifier)), graph)


def _emit_software(activity: NamedNode, name: str, version: str, base: str) -> Iterator[Quad]:
    agent = mint(base, "software", name, version)
    yield Quad(agent, TYPE, NamedNode(PROV + "SoftwareAgent"), activity)
    yield Quad(agent, LABEL, Literal(f"{name} {version}"), activity)
    yield Quad(activity, NamedNode(PROV + "wasAssociatedWith"), agent, activity)


def _read_id(entry: Mapping[str, Any], what: str) -> str:
    identifier = entry.get("id")
    if not isinstance(identifier, str) or not identifier:
        raise InputError(f"{what} of the job has no id.", "Give the dict a text under 'id'.")
    return identifier
