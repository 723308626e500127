"""The graph store of a workspace: named graphs in, answers out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from eocene.link.evaluate import Evaluator
from eocene.link.generations import Generation, GenerationFolder, double
from eocene.link.geometry import check_metric
from eocene.link.rdf import BASE, PREFIXES, check_base
from eocene.link.worker import WorkerPool
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from pyoxigraph import NamedNode, Quad

    from eocene.link.answer import Solutions
    from eocene.link.geometry import MetricFrame

MAX_ROWS = 10_000


@dataclass
class _State:
    generation: Generation
    evaluator: Evaluator


class LinkStore:
    """A persistent RDF store with GeoSPARQL.

    Any number of processes may ask while one writes (see `eocene.link.generations`); each
    question sees the latest complete state. The default graph is the merge of all named graphs, so
    questions see everything once, unless they say FROM or GRAPH.

    Parameters
    ----------
    folder : Path or str
        ``layout.graph``; made at the first `load`.
    base : str
        The base of our IRIs, also of the prefix ``ecn:``.
    metric_crs : int, optional
        EPSG code of the CRS in which metres are measured; by default the UTM zone that geopandas
        estimates for all features together.

    Raises
    ------
    InputError
        The folder is something else, or ``metric_crs`` does not measure in metres.
    DamageError
        The store cannot be read.

    Examples
    --------
    >>> store = LinkStore(layout.graph)                                       # doctest: +SKIP
    >>> store.load(map_parcels(parcels), layer_graph("parcels"))              # doctest: +SKIP
    >>> store.query("SELECT (COUNT(*) AS ?n) { ?p a ecn:Parcel }").to_frame() # doctest: +SKIP
    """

    def __init__(self, folder: Path | str, *, base: str = BASE, metric_crs: int | None = None) -> None:
        self.base = check_base(base)
        self._prefixes = {**PREFIXES, "ecn": base + "def:"}
        if metric_crs is not None:
            check_metric(metric_crs)
        self._metric_crs = metric_crs
        self._folder = GenerationFolder(Path(folder))
        self._lock = Lock()
        self._state: _State | None = None
        self._workers = WorkerPool(Path(folder), base, metric_crs)

    def load(self, quads: Iterable[Quad], graph: NamedNode, *, wait_s: float = 30.0) -> int:
        """Replace one named graph by the quads, all or nothing.

        Parameters
        ----------
        quads : iterable of Quad
            All of them in ``graph``; an empty one removes it.
        wait_s : float
            How long to wait for another writer.

        Returns
        -------
        int
            How many quads were given.

        Raises
        ------
        InputError
            A quad stands in another graph; nothing is changed.
        StateError
            Another process is writing.
        """
        return self.replace({graph: quads}, wait_s=wait_s)

    def replace(self, graphs: Mapping[NamedNode, Iterable[Quad]], *, wait_s: float = 30.0) -> int:
        """Replace several named graphs in one change, all or nothing.

        Parameters
        ----------
        graphs : mapping of NamedNode to iterable of Quad
            As for :meth:`load`, each graph with its quads.
        wait_s : float
            How long to wait for another writer.

        Returns
        -------
        int
            How many quads were given.

        Raises
        ------
        InputError, StateError
            As :meth:`load`.
        """
        count = 0
        with self._folder.change(list(graphs), wait_s) as store:
            for graph, quads in graphs.items():
                counter = _Counter(quads, graph)
                store.bulk_extend(double(counter))
                if counter.fault is not None:
                    raise counter.fault
                count += counter.count
        return count

    def query(
        self,
        sparql: str,
        *,
        limit: int = MAX_ROWS,
        timeout_s: float | None = None,
    ) -> Solutions:
        """Answer a SPARQL 1.1 question (SELECT, ASK, CONSTRUCT, DESCRIBE) with GeoSPARQL functions.

        Parameters
        ----------
        sparql : str
            The question; `eocene.link.rdf.PREFIXES` are known to it.
        limit : int
            Most rows or triples to return; `Solutions.truncated` tells if there were more.
        timeout_s : float, optional
            With it the question runs in a process of its own that is killed at the deadline.

        Raises
        ------
        InputError
            The question is wrong (with line and column), or a function got what it cannot take.
        UnavailableError
            The question calls another host (``SERVICE``).
        StateError
            The time was over, or the features are too far apart to be measured.
        """
        if limit < 1:
            raise InputError(f"The limit of rows is {limit}.", "Give at least 1.")
        if timeout_s is not None:
            return self._workers.answer(sparql, limit, timeout_s)
        return self._current().evaluator.answer(sparql, limit=limit)

    def graphs(self) -> list[str]:
        """Return the IRIs of the named graphs, sorted."""
        return sorted(str(name.value) for name in self._current().generation.store.named_graphs())

    def __len__(self) -> int:
        """Count the triples; one that stands in several graphs counts once."""
        return int(next(iter(self.query("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")))["n"])

    @property
    def metric_frame(self) -> MetricFrame | None:
        """The CRS in which metres are measured and its error bound; None while there is no feature."""
        return self._current().evaluator.index.frame

    def close(self) -> None:
        """Let go of the files and end the helper processes."""
        self._workers.close()
        with self._lock:
            if self._state is not None:
                self._state.generation.close()
                self._state = None

    def __enter__(self) -> LinkStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _current(self) -> _State:
        with self._lock:
            number = self._folder.current()
            if self._state is None or self._state.generation.number != number:
                generation = self._folder.open_current()
                # The old one is not closed here: another thread may still be reading it. Its
                # lock goes with its last reference.
                self._state = _State(
                    generation, Evaluator(generation.store, self._prefixes, self._metric_crs)
                )
            return self._state


class _Counter:
    """Counts quads on their way and stops at one that stands in another graph."""

    def __init__(self, quads: Iterable[Quad], graph: NamedNode) -> None:
        self._quads, self._graph = quads, graph
        self.count = 0
        self.fault: InputError | None = None

    def __iter__(self) -> Any:
        for quad in self._quads:
            if quad.graph_name != self._graph:
                self.fault = InputError(
                    f"A quad to be loaded into {self._graph} stands in {quad.graph_name}.",
                    "Load each named graph by itself.",
                )
                return
            self.count += 1
            yield quad
