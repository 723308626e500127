"""Reading SPARQL text: tokens, and what a question may not do.

The grammar proper is the evaluator's. This lexer serves two ends: to refuse what would reach
outside before anything runs, and to find spatial joins (`eocene.link.join`).

Source: W3C SPARQL 1.1 Query Language, section 19.8.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from eocene.model import InputError, UnavailableError

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|\#[^\n\r]*)
  | (?P<iri><[^<>"{}|^`\\\x00-\x20]*>)
  | (?P<string>\"\"\"(?:\\.|(?!\"\"\")[^\\])*\"\"\"|'''(?:\\.|(?!''')[^\\])*'''
        |"(?:\\.|[^"\\\n\r])*"|'(?:\\.|[^'\\\n\r])*')
  | (?P<variable>[?$]\w+)
  | (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)
  | (?P<blank>_:[\w.-]*\w)
  | (?P<name>(?:[^\W\d_](?:[\w.-]{0,64}[\w-])?)?:
        (?:(?:[\w:.-]|%[0-9A-Fa-f]{2}|\\.)*(?:[\w:-]|%[0-9A-Fa-f]{2}|\\.))?)
  | (?P<word>@?[A-Za-z_][\w-]*)
  | (?P<mark>&&|\|\||\^\^|<=|>=|!=|<<|>>|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_GAP = r"(?:\s|\#[^\n\r]*(?:[\n\r]|\Z))*+"
_SERVICE = re.compile(
    rf"SERVICE{_GAP}(?:SILENT{_GAP})?(?:<[^<>]*>|(?:\\.|[^\s{{}}<>#\\])++){_GAP}\{{", re.IGNORECASE
)
_NAME_BEFORE = re.compile(r"[\w:?$@%\\.-]*\Z")
_OWN_NAME = re.compile(r"[?$]\w*|[^\W\d_]?[\w-]*:[\w:-]*")
_UPDATES = frozenset(("INSERT", "DELETE", "LOAD", "CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY", "WITH"))
_FORMS = frozenset(("SELECT", "ASK", "CONSTRUCT", "DESCRIBE"))
_CODEPOINT = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_POSITION = re.compile(r"^error at (\d+):(\d+): ?(.*)$", re.DOTALL)
MAX_LENGTH = 100_000


@dataclass(frozen=True)
class Token:
    """One token and where it stands in the text."""

    kind: str
    text: str
    start: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Tell whether this is one of the keywords, in whatever case."""
        return self.kind == "word" and self.text.upper() in words


def read_tokens(text: str) -> list[Token]:
    """Cut SPARQL into tokens, without blanks and comments; never fails."""
    return [
        Token(str(found.lastgroup), found[0], found.start(), found.end())
        for found in _TOKEN.finditer(text)
        if found.lastgroup != "space"
    ]


def check_question(text: str) -> None:
    """Refuse what is not a plain question.

    Raises
    ------
    InputError
        The text is empty, too long, or an update.
    UnavailableError
        It has a ``SERVICE``; questions never leave this store.
    """
    if not text.strip():
        raise InputError("The SPARQL question is empty.", "Write a SELECT, ASK, CONSTRUCT or DESCRIBE.")
    if len(text) > MAX_LENGTH:
        raise InputError(
            f"The SPARQL question has {len(text):,} characters; the limit is {MAX_LENGTH:,}.", "Shorten it."
        )
    _refuse_service(text)
    _refuse_update(read_tokens(text), text)


def _refuse_service(text: str) -> None:
    # The whole text is searched, strings too: what a lexer takes for a string need not be one
    # for the evaluator, and a call to another host must not hang on such a difference.
    plain = _CODEPOINT.sub(_decode, text)
    for found in _SERVICE.finditer(plain):
        before = _NAME_BEFORE.search(plain, max(0, found.start() - 200), found.start())
        name = before[0] if before else ""
        if name and _OWN_NAME.fullmatch(name):
            continue  # the tail of a variable or a prefixed name, such as ecn:service
        raise UnavailableError(
            f"The question calls SERVICE at {describe_position(plain, found.start())}; "
            "questions are answered from this store alone.",
            "Load the other source into a named graph first.",
        )


def _decode(found: re.Match[str]) -> str:
    number = int(found[1] or found[2], 16)
    return chr(number) if number <= 0x10FFFF else found[0]


def _refuse_update(tokens: list[Token], text: str) -> None:
    for token in tokens:
        if token.is_word(*_FORMS):
            return
        if token.is_word(*_UPDATES):
            raise InputError(
                f"{token.text} at {describe_position(text, token.start)} would change the store; "
                "only questions are answered.",
                "Write a SELECT, ASK, CONSTRUCT or DESCRIBE; data come in with `eocene link`.",
            )


def describe_position(text: str, position: int) -> str:
    """Say where a position is, as in ``line 3, column 7``."""
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - (text.rfind(chr(10), 0, position) + 1) + 1}"


def explain_syntax(error: Exception, text: str) -> InputError:
    """Turn the evaluator's syntax error into one that shows the place."""
    found = _POSITION.match(str(error))
    if found is None:
        return InputError(f"The SPARQL question is wrong: {error}.", "Correct it there.")
    line, column, detail = int(found[1]), int(found[2]), found[3].strip()
    lines = text.splitlines() or [""]
    shown = lines[line - 1].strip() if line <= len(lines) else ""
    because = f" ({detail})" if detail and len(detail) < 300 else ""
    return InputError(
        f"The SPARQL question is wrong at line {line}, column {column}, in «{shown[:120]}»{because}.",
        "Correct it there; the prefixes geo:, geof:, uom:, sosa:, prov:, skos:, ecn: are known.",
    )
