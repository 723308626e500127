"""The groups ``{ … }`` of a question, as far as spatial joins need them.

Not a parser of SPARQL: it tells plain triple statements, filters and bindings of a group apart
and skips the rest. A text in which a reading is in doubt gives no groups.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eocene.link.rdf import AS_WKT, HAS_GEOMETRY
from eocene.link.sparql import read_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eocene.link.sparql import Token

_ABSOLUTE = re.compile(r"^<[A-Za-z][A-Za-z0-9+.-]*:")
_PATHS = frozenset((HAS_GEOMETRY.value, "http://www.opengis.net/ont/geosparql#hasDefaultGeometry"))
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_ELEMENTS = ("FILTER", "BIND", "OPTIONAL", "MINUS", "GRAPH", "VALUES", "UNION", "SERVICE", "LATERAL")


@dataclass(frozen=True)
class Names:
    """Prefixes in force in a question."""

    prefixes: Mapping[str, str]

    def resolve(self, token: Token) -> str | None:
        """Return the IRI that a token names, or None."""
        if token.kind == "iri":
            return token.text[1:-1]
        if token.kind != "name":
            return None
        prefix, _, local = token.text.partition(":")
        known = self.prefixes.get(prefix)
        return None if known is None else known + local


@dataclass(frozen=True)
class Statement:
    """One triple statement (with its ``;`` and ``,``) and what is known of it."""

    start: int
    end: int
    subject: str
    variables: frozenset[str]
    geometries: frozenset[str]
    holds_geometry: bool
    subject_is_key: bool

    def key_for(self, geometry: str) -> str:
        """Return the variable to join by: the subject if it is one, else the geometry itself."""
        return self.subject if self.subject_is_key else geometry


@dataclass
class Group:
    """The direct content of one ``{ … }``; variables and tokens as written."""

    statements: list[Statement] = field(default_factory=list)
    filters: list[Sequence[Token]] = field(default_factory=list)
    bindings: list[tuple[Sequence[Token], str]] = field(default_factory=list)

    def binding_of(self, geometry: str) -> Statement | None:
        """Return the statement that surely binds the variable to a ``geo:asWKT``."""
        return next((entry for entry in self.statements if geometry in entry.geometries), None)


def read_names(text: str, known: Mapping[str, str]) -> Names:
    """Read the PREFIX declarations, on top of those known beforehand."""
    tokens = read_tokens(text)
    prefixes = dict(known)
    for word, name, iri in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if word.is_word("PREFIX") and name.kind == "name" and iri.kind == "iri":
            prefixes[name.text.partition(":")[0]] = iri.text[1:-1]
    return Names(prefixes)


def read_groups(text: str, names: Names) -> list[Group]:
    """Return the groups of a question; none where the text can be read in two ways."""
    tokens = read_tokens(text)
    if any(_is_doubtful(token) for token in tokens):
        return []
    groups, stack = [], []
    for position, token in enumerate(tokens):
        if token.text == "{" and token.kind == "mark":
            stack.append(position)
        elif token.text == "}" and token.kind == "mark":
            if not stack:
                return []
            inner = tokens[stack.pop() + 1 : position]
            if inner and not inner[0].is_word("SELECT"):
                groups.append(_read_group(inner, names))
    return [group for group in groups if group.filters and group.statements]


def _is_doubtful(token: Token) -> bool:
    if token.kind == "iri":
        return _ABSOLUTE.match(token.text) is None
    # BASE makes IRIs relative; quoted triples and escapes in names are not read here.
    return (
        token.is_word("BASE")
        or token.text in ("<<", ">>")
        or (token.kind == "mark" and token.text in "\\\"'")
        or (token.kind == "name" and "\\" in token.text)
    )


def _read_group(tokens: Sequence[Token], names: Names) -> Group:
    group, position = Group(), 0
    while position < len(tokens):
        token = tokens[position]
        if token.is_word("FILTER"):
            end = _skip_constraint(tokens, position + 1)
            group.filters.append(tokens[position + 1 : end])
        elif token.is_word("BIND"):
            end = _skip_block(tokens, position + 1)
            _read_bind(tokens[position + 2 : end - 1], group)
        elif token.is_word(*_ELEMENTS) or token.text == "{":
            end = position
            while end < len(tokens) and tokens[end].text != "{":
                end += 1
            end = _skip_block(tokens, end)
        elif token.text == ".":
            end = position + 1
        else:
            end = _skip_statement(tokens, position)
            group.statements.append(_read_statement(tokens[position:end], names))
        position = max(end, position + 1)
    return group


def _skip_block(tokens: Sequence[Token], position: int) -> int:
    """Return the position behind the bracket that closes the one at ``position``."""
    depth = 0
    while position < len(tokens):
        text = tokens[position].text
        depth += (text in _OPEN) - (text in _CLOSE)
        position += 1
        if depth == 0:
            break
    return position


def _skip_constraint(tokens: Sequence[Token], position: int) -> int:
    while position < len(tokens) and tokens[position].text not in ("(", "{"):
        position += 1
    return _skip_block(tokens, position)


def _skip_statement(tokens: Sequence[Token], position: int) -> int:
    depth = 0
    while position < len(tokens):
        token = tokens[position]
        if depth == 0 and (token.text in (".", "{") or token.is_word(*_ELEMENTS)):
            break
        depth += (token.text in _OPEN) - (token.text in _CLOSE)
        position += 1
    return position + (position < len(tokens) and tokens[position].text == ".")


def _read_bind(tokens: Sequence[Token], group: Group) -> None:
    if len(tokens) > 2 and tokens[-2].is_word("AS") and tokens[-1].kind == "variable":
        group.bindings.append((tokens[:-2], tokens[-1].text))


def _read_statement(tokens: Sequence[Token], names: Names) -> Statement:
    geometries, nested, depth = set(), False, 0
    for position, token in enumerate(tokens):
        depth += (token.text in _OPEN) - (token.text in _CLOSE)
        if token.kind == "variable" and _is_wkt_object(tokens, position, names):
            geometries.add(token.text)
            nested = nested or depth > 0
    subject = tokens[0]
    return Statement(
        start=subject.start,
        end=tokens[-1].end,
        subject=subject.text,
        variables=frozenset(token.text for token in tokens if token.kind in ("variable", "blank")),
        geometries=frozenset(geometries),
        holds_geometry=any(names.resolve(token) in _PATHS for token in tokens),
        subject_is_key=subject.kind == "variable" and not nested and len(geometries) == 1,
    )


def _is_wkt_object(tokens: Sequence[Token], position: int, names: Names) -> bool:
    """Tell whether the token is the first object of ``geo:asWKT`` or ``geo:hasGeometry/geo:asWKT``."""
    verb = position - 1
    if verb < 1 or names.resolve(tokens[verb]) != AS_WKT.value:
        return False
    before = verb - 1
    if tokens[before].text == "/":
        if before < 2 or names.resolve(tokens[before - 1]) not in _PATHS:
            return False
        before -= 2
    token = tokens[before]
    return token.text in (";", "[") or (before == 0 and token.kind in ("variable", "name", "iri", "blank"))
