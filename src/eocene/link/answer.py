"""Answers of the store, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
from pyoxigraph import BlankNode, Literal, NamedNode, QueryBoolean, QuerySolutions, Triple

from eocene.link.rdf import XSD

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERS = {
    XSD + name: kind
    for kind, names in ((int, ("integer", "int", "long")), (float, ("double", "float", "decimal")))
    for name in names
}


@dataclass(frozen=True)
class Solutions:
    """What a question gave.

    ``kind`` is ``select``, ``ask`` or ``construct`` (also for DESCRIBE). ``bindings`` are rows as
    in the SPARQL 1.1 results JSON: variable → {"type", "value", "datatype"?, "xml:lang"?}, an
    unbound variable being absent. ``triples`` are lines of N-Triples. ``truncated`` tells that
    there was more than the limit.
    """

    kind: str
    variables: tuple[str, ...] = ()
    bindings: tuple[dict[str, dict[str, str]], ...] = ()
    boolean: bool | None = None
    triples: tuple[str, ...] = field(default=())
    truncated: bool = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield rows as variable → Python value (int, float, bool, str; None where unbound)."""
        for binding in self.bindings:
            yield {name: _to_python(binding.get(name)) for name in self.variables}

    def __len__(self) -> int:
        return len(self.bindings) or len(self.triples)

    def to_json(self) -> dict[str, Any]:
        """Return SPARQL 1.1 query results JSON.

        Source: W3C SPARQL 1.1 Query Results JSON Format.
        """
        if self.kind == "ask":
            return {"head": {}, "boolean": self.boolean}
        return {"head": {"vars": list(self.variables)}, "results": {"bindings": list(self.bindings)}}

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a DataFrame with one column a variable."""
        return pd.DataFrame(list(self), columns=list(self.variables))


def read_result(result: Any, limit: int) -> Solutions:
    """Read the evaluator's result, at most ``limit`` rows or triples."""
    if isinstance(result, QueryBoolean):
        return Solutions("ask", boolean=bool(result))
    rows: list[Any] = []
    truncated = False
    for row in result:
        if len(rows) == limit:
            truncated = True
            break
        rows.append(row)
    if not isinstance(result, QuerySolutions):
        return Solutions("construct", triples=tuple(f"{row} ." for row in rows), truncated=truncated)
    names = tuple(variable.value for variable in result.variables)
    bindings = tuple(
        {name: _to_json(value) for name in names if (value := row[name]) is not None} for row in rows
    )
    return Solutions("select", names, bindings, truncated=truncated)


def _to_json(value: NamedNode | BlankNode | Literal | Triple) -> dict[str, str]:
    if isinstance(value, NamedNode):
        return {"type": "uri", "value": value.value}
    if isinstance(value, BlankNode):
        return {"type": "bnode", "value": value.value}
    if isinstance(value, Triple):
        return {"type": "literal", "value": str(value)}
    plain = {"type": "literal", "value": value.value}
    if value.language is not None:
        plain["xml:lang"] = value.language
    elif value.datatype.value != XSD + "string":
        plain["datatype"] = value.datatype.value
    return plain


def _to_python(value: dict[str, str] | None) -> Any:
    if value is None:
        return None
    text, datatype = value["value"], value.get("datatype", "")
    if datatype == XSD + "boolean":
        return text in ("true", "1")
    kind = _NUMBERS.get(datatype)
    return kind(text) if kind else text
