"""Whatever a body or a query string holds, it is a search or an error of the user."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.archive import Archive
from eocene.archive.fields import pick_fields
from eocene.model import EoceneError, InputError
from eocene.serve.stac_parameters import SearchParameters, read_parameters, read_question

NAMES = ["bbox", "datetime", "limit", "sortby", "fields", "filter", "filter-lang", "filter-crs", "query"]
NAMES += ["collections", "ids", "intersects", "cells", "token"]
LIKELY = [
    "2024-05-01T00:00:00Z/..", "9999-12-31T23:59:60Z", "-datetime", "cql2-json", "cql2-text", "id", "eq",
    "eo:cloud_cover < 40", "Polygon", "between", "like", "W10", "W1tdLDE3MTUwNTk1NzkwMDAwMDAsImEiLCJiIl0",
    "in", "properties.a.b", "\ud7ff", "\x00", "",
]  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(LIKELY) | st.text(max_size=20)
)
KEYS = st.sampled_from(["op", "args", "property", "type", "coordinates", "include", "exclude", "field", "lt"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(KEYS | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5)


@pytest.fixture(scope="module")
def archive(workspace):
    opened = Archive(workspace)
    yield opened
    opened.close()


def ask(archive, body):
    """Return the status of the answer to a body."""
    try:
        question = read_question(body)
        page = archive.catalogue.page(question.search, question.token)
    except EoceneError as error:
        return error.status
    assert len(page.items) <= question.search.limit
    for item in page.items:
        json.dumps(pick_fields(item, question.fields))
    return 200


@given(body=BODIES)
def test_bodies_are_searches_or_errors_of_the_user(archive, body):
    assert ask(archive, body) in (200, 400)


@given(texts=st.dictionaries(st.sampled_from(sorted(NAMES)), st.text(max_size=30) | st.sampled_from(LIKELY)))
def test_query_strings_are_searches_or_errors_of_the_user(archive, texts):
    given_texts = {name.replace("-", "_"): text for name, text in texts.items() if name != "limit"}
    try:
        body = read_parameters(SearchParameters.model_construct(**given_texts, limit=7))
    except InputError:
        return
    assert ask(archive, body) in (200, 400)


@given(text=st.text(alphabet="0123456789TZtz:-+./ ,", max_size=45))
def test_only_times_with_a_zone_are_times(text):
    with contextlib.suppress(EoceneError):
        span = read_question({"datetime": text}).search.span
        assert span.start < span.end
        instants = [part for part in text.upper().split("/") if part not in ("", "..")]
        assert 1 <= len(instants) <= 2
        assert all("T" in part and (part.endswith("Z") or part[-6] in "+-") for part in instants)
