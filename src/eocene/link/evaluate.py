"""One question to one state of a store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pyoxigraph import BlankNode, Literal, Store

from eocene.link.answer import Solutions, read_result
from eocene.link.functions import make_functions
from eocene.link.index import SpatialIndex
from eocene.link.join import narrow_joins
from eocene.link.patterns import read_names
from eocene.link.rdf import GEOF, WKT_LITERAL
from eocene.link.sparql import check_question, explain_syntax
from eocene.model import EoceneError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Evaluator:
    """Answers questions from an open store.

    Parameters
    ----------
    store : pyoxigraph.Store
        One state; it must not change, since the spatial index is made of it once.
    prefixes : mapping
        Known without declaration.
    metric_crs : int, optional
        EPSG code to measure in.
    """

    store: Store
    prefixes: Mapping[str, str]
    metric_crs: int | None = None

    @cached_property
    def index(self) -> SpatialIndex:
        """The spatial index, built at the first spatial question."""
        return SpatialIndex.of_store(self.store, self.metric_crs)

    def answer(
        self,
        question: str,
        *,
        limit: int,
        narrow: bool = True,
    ) -> Solutions:
        """Answer a question; parameters as `LinkStore.query`.

        ``narrow`` False leaves spatial joins to the evaluator, pair by pair.
        """
        check_question(question)
        self._run(question, Store(), [])  # syntax errors, with the places of the user's text
        faults: list[EoceneError] = []
        text = self._narrow(question) if narrow else question
        solutions = read_result(self._run(text, self.store, faults), limit)
        if faults:
            raise faults[0]
        return solutions

    def _run(self, text: str, store: Store, faults: list[EoceneError]) -> Any:
        try:
            return store.query(
                text,
                prefixes=dict(self.prefixes),
                custom_functions=make_functions(lambda: self.index, faults),
            )
        except SyntaxError as error:
            raise explain_syntax(error, text) from error
        except RuntimeError as error:
            raise InputError(
                f"The question cannot be answered: {error}.",
                f"Spatial functions are those of <{GEOF}>, such as geof:distance and geof:sfIntersects.",
            ) from error

    def _narrow(self, question: str) -> str:
        if GEOF not in question and "geof" not in question.lower() and "geosparql" not in question.lower():
            return question
        narrowed = narrow_joins(
            question, read_names(question, self.prefixes), lambda: self.index, self._prepare_ask(question)
        )
        try:
            self._run(narrowed, Store(), [])
        except InputError:
            return question  # the block broke a rule of the grammar, such as a blank node's scope
        return narrowed

    def _prepare_ask(self, question: str) -> Any:
        declared = read_names(question, {}).prefixes
        head = " ".join(f"PREFIX {name}: <{iri}>" for name, iri in declared.items())

        def ask(key: str, geometry: str, pattern: str) -> list[tuple[str, str]] | None:
            try:
                found = self._run(
                    f"{head} SELECT DISTINCT {key} {geometry} WHERE {{ {pattern} }}", self.store, []
                )
            except InputError:
                return None
            candidates = []
            for row in found:
                node, wkt = row[key[1:]], row[geometry[1:]]
                if isinstance(node, BlankNode) or not isinstance(wkt, Literal) or wkt.datatype != WKT_LITERAL:
                    return None
                candidates.append((str(node), wkt.value))
            return candidates

        return ask
