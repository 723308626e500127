"""Spatial joins found in a question and answered by the index.

``FILTER(geof:distance(?a, ?b, uom:metre) < 500)`` over 5,000 × 200 geometries asks the evaluator
for a million distances. Where ``?a`` and ``?b`` are both bound by ``geo:asWKT`` in the same group,
this module asks which geometries each can be, lets an R-tree find the near pairs, and puts these
pairs into the question as a ``VALUES`` block right behind the two patterns. The FILTER stays, so
the answer is exactly the same: the block only takes away rows that the FILTER would drop. Whatever
is not recognised without doubt is left as it is, and is slower but as right.

Recognised are FILTERs that are a conjunction with ``geof:distance(?a, ?b, unit) < n`` (or ``<=``,
turned round, ``metricDistance``, or by way of ``BIND(geof:distance(…) AS ?d)``), or with
``geof:sfIntersects``, ``sfWithin``, ``sfContains``, ``sfTouches``, ``sfOverlaps``, ``sfCrosses``,
``sfEquals`` of two variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eocene.link.functions import LENGTHS, RELATIONS
from eocene.link.patterns import Group, Statement, read_groups
from eocene.link.rdf import GEOF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from eocene.link.index import SpatialIndex
    from eocene.link.patterns import Names
    from eocene.link.sparql import Token

MAX_PAIRS = 200_000
_NARROWING = frozenset(RELATIONS) - {"sfDisjoint"}

Candidates = list[tuple[str, str]]
"""For one side: (text of the term for VALUES, WKT)."""


@dataclass(frozen=True)
class SpatialCondition:
    """Two variables whose geometries must intersect (``metres`` None) or be within metres."""

    left: str
    right: str
    metres: float | None


def narrow_joins(
    text: str,
    names: Names,
    index: Callable[[], SpatialIndex],
    ask: Callable[[str, str, str], Candidates | None],
) -> str:
    """Return the question with VALUES blocks for its spatial joins.

    Parameters
    ----------
    text : str
        A question that the evaluator accepts.
    names : Names
        Its prefixes.
    index : callable
        Gives the spatial index.
    ask : callable
        ``ask(key, geometry, pattern)`` finds the distinct pairs of the variables ``key`` and
        ``geometry`` in a pattern; None if that cannot be told.
    """
    blocks: list[tuple[int, str]] = []
    for group in read_groups(text, names):
        taken: set[frozenset[str]] = set()
        for condition in _find_conditions(group, names):
            pair = frozenset((condition.left, condition.right))
            if pair in taken:
                continue
            block = _make_block(text, group, condition, index, ask)
            if block is not None:
                taken.add(pair)
                blocks.append(block)
    for position, values in sorted(blocks, reverse=True):
        text = f"{text[:position]} {values} {text[position:]}"
    return text


def _make_block(
    text: str,
    group: Group,
    condition: SpatialCondition,
    index: Callable[[], SpatialIndex],
    ask: Callable[[str, str, str], Candidates | None],
) -> tuple[int, str] | None:
    left, right = group.binding_of(condition.left), group.binding_of(condition.right)
    if left is None or right is None or left is right:
        return None
    sides = []
    for own, variable, other in ((left, condition.left, right), (right, condition.right, left)):
        pattern = _collect_pattern(text, group, own, other)
        found = ask(own.key_for(variable), variable, pattern)
        if found is None:
            return None
        sides.append(found)
    pairs = _find_pairs(index(), sides[0], sides[1], condition.metres)
    if pairs is None:
        return None
    keys = f"({left.key_for(condition.left)} {right.key_for(condition.right)})"
    rows = " ".join(f"({a} {b})" for a, b in pairs)
    return max(left.end, right.end), f"VALUES {keys} {{ {rows} }}"


def _find_pairs(
    index: SpatialIndex, left: Candidates, right: Candidates, metres: float | None
) -> Iterable[tuple[str, str]] | None:
    if not left or not right:
        return ()
    texts = [wkt for _, wkt in left], [wkt for _, wkt in right]
    found = index.find_intersecting(*texts) if metres is None else index.find_within(*texts, metres)
    if found is None or len(found) > MAX_PAIRS:
        return None
    return dict.fromkeys((left[i][0], right[j][0]) for i, j in found)


def _collect_pattern(text: str, group: Group, own: Statement, other: Statement) -> str:
    """Gather the statements that say more about the geometry of ``own``.

    They are followed from subject to object, and from a geometry back to its feature. Leaving
    statements out only makes the set of candidates larger.
    """
    chosen, seen = [own], {own.subject, *own.variables}
    grown = True
    while grown:
        grown = False
        for statement in group.statements:
            if statement in chosen or statement is other:
                continue
            leads_back = statement.holds_geometry and own.subject in statement.variables
            if statement.subject in seen or leads_back:
                chosen.append(statement)
                seen |= {statement.subject, *statement.variables}
                grown = True
    return " . ".join(text[statement.start : statement.end].rstrip(" .") for statement in chosen)


def _find_conditions(group: Group, names: Names) -> list[SpatialCondition]:
    distances = {}
    for call, variable in group.bindings:
        sides = _read_distance(call, names)
        if sides is not None:
            distances[variable] = sides
    found = []
    for expression in group.filters:
        for part in _split_conjunction(expression):
            condition = _read_relation(part, names) or _read_limit(part, names, distances)
            if condition is not None:
                found.append(condition)
    return found


def _split_conjunction(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    tokens = _strip_parentheses(tokens)
    depth, parts, start = 0, [], 0
    for position, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.kind == "mark" and token.text == "||":
            return []
        if depth == 0 and token.kind == "mark" and token.text == "&&":
            parts.append(tokens[start:position])
            start = position + 1
    parts.append(tokens[start:])
    if len(parts) == 1:
        return parts
    return [piece for part in parts for piece in _split_conjunction(part)]


def _strip_parentheses(tokens: Sequence[Token]) -> Sequence[Token]:
    while len(tokens) > 2 and tokens[0].text == "(" and tokens[-1].text == ")":
        depth = 0
        for token in tokens[:-1]:
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0:
                return tokens
        tokens = tokens[1:-1]
    return tokens


def _read_call(tokens: Sequence[Token], names: Names) -> tuple[str, Sequence[Token]] | None:
    """Read ``geof:name(a, b, …)`` with plain arguments to the name and the arguments."""
    if len(tokens) < 4 or tokens[1].text != "(" or tokens[-1].text != ")":
        return None
    iri = names.resolve(tokens[0])
    inner = tokens[2:-1]
    if iri is None or not iri.startswith(GEOF) or any(token.text != "," for token in inner[1::2]):
        return None
    return iri[len(GEOF) :], inner[::2]


def _read_relation(tokens: Sequence[Token], names: Names) -> SpatialCondition | None:
    call = _read_call(tokens, names)
    if call is None or call[0] not in _NARROWING or len(call[1]) != 2:
        return None
    a, b = call[1]
    if a.kind != "variable" or b.kind != "variable":
        return None
    return SpatialCondition(a.text, b.text, None)


def _read_distance(tokens: Sequence[Token], names: Names) -> tuple[str, str, float] | None:
    call = _read_call(tokens, names)
    if call is None:
        return None
    name, arguments = call
    unit = 1.0
    if name == "distance" and len(arguments) == 3:
        unit = LENGTHS.get(names.resolve(arguments[2]) or "", 0.0)
    elif name != "metricDistance" or len(arguments) != 2:
        return None
    a, b = arguments[:2]
    if unit == 0.0 or a.kind != "variable" or b.kind != "variable":
        return None
    return a.text, b.text, unit


def _read_limit(
    tokens: Sequence[Token], names: Names, distances: dict[str, tuple[str, str, float]]
) -> SpatialCondition | None:
    """Read ``distance < number`` or ``number > distance``."""
    if len(tokens) < 3:
        return None
    if tokens[-1].kind == "number" and tokens[-2].text in ("<", "<="):
        number, measured = tokens[-1], tokens[:-2]
    elif tokens[0].kind == "number" and tokens[1].text in (">", ">="):
        number, measured = tokens[0], tokens[2:]
    else:
        return None
    if len(measured) == 1:
        sides = distances.get(measured[0].text)
    else:
        sides = _read_distance(_strip_parentheses(measured), names)
    if sides is None:
        return None
    return SpatialCondition(sides[0], sides[1], float(number.text) * sides[2])
