from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eocene.learn.active import LabelBook
from eocene.model import NotFoundError

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def book(tmp_path):
    """A book whose clock goes on by a second with each look at it."""
    seconds = iter(range(10_000))
    made = LabelBook(tmp_path / "labels.sqlite", clock=lambda: START + timedelta(seconds=next(seconds)))
    made.start("fields", {"classes": {"1": "crops"}})
    return made


def test_each_label_is_kept_with_author_time_and_what_the_model_had_guessed(book):
    book.add("fields", 7, 2, "ada", guess=1)
    book.add("fields", 9, None, "bob")
    first, second = book.current("fields")
    assert (first.sample, first.act, first.value, first.guess, first.author) == (7, "label", 2, 1, "ada")
    assert (second.sample, second.act, second.value, second.author) == (9, "skip", None, "bob")
    assert first.at == "2026-05-01T12:00:01.000Z"
    assert first.at < second.at


def test_the_last_word_on_a_sample_holds_and_no_word_is_lost(book):
    for value, author in ((1, "ada"), (2, "bob"), (3, "ada")):
        book.add("fields", 7, value, author)
    assert [entry.value for entry in book.current("fields")] == [3]
    assert [entry.value for entry in book.history("fields")] == [1, 2, 3]


def test_undo_takes_back_what_the_same_author_said_last_and_still_holds(book):
    book.add("fields", 1, 1, "ada")
    book.add("fields", 2, 1, "ada")
    book.add("fields", 3, 1, "bob")
    assert book.undo("fields", "ada").sample == 2
    assert book.undo("fields", "ada").sample == 1
    assert book.undo("fields", "ada") is None
    assert [entry.sample for entry in book.current("fields")] == [3]


acts = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["a", "b"]), st.sampled_from([1, 2, None, "undo"])),
    max_size=10,
)


@settings(max_examples=25)  # each entry waits for the disk
@given(acts)
def test_what_holds_is_what_a_list_would_tell(tmp_path_factory, said):
    book = LabelBook(tmp_path_factory.mktemp("book") / "labels.sqlite")
    book.start("x", {})
    holds: list[tuple[int, str, int | None]] = []
    for sample, author, value in said:
        if value == "undo":
            book.undo("x", author)
            mine = [entry for entry in holds if entry[1] == author]
            holds = [entry for entry in holds if not mine or entry is not mine[-1]]
        else:
            book.add("x", sample, value, author)
            holds = [entry for entry in holds if entry[0] != sample] + [(sample, author, value)]
    assert [(entry.sample, entry.author, entry.value) for entry in book.current("x")] == holds


def test_a_labelling_keeps_its_terms_and_unknown_ones_are_not_found(book):
    assert book.start("fields", {"classes": {"9": "others"}}) == {"classes": {"1": "crops"}}
    assert book.names() == ["fields"]
    with pytest.raises(NotFoundError, match="There are fields"):
        book.find("forests")


def test_a_process_that_is_killed_loses_no_label_that_it_was_told_is_kept(tmp_path):
    path = tmp_path / "labels.sqlite"
    program = (
        "import sys, itertools, pathlib\n"
        "from eocene.learn.active.book import LabelBook\n"
        f"book = LabelBook(pathlib.Path({str(path)!r}))\n"
        "book.start('x', {})\n"
        "for number in itertools.count():\n"
        "    book.add('x', number, 1, 'ada')\n"
        "    print(number, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(25)]
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split()
    process.wait()
    process.stdout.close()
    book = LabelBook(path)
    kept = [entry.sample for entry in book.current("x")]
    assert kept == list(range(len(kept)))
    assert len(kept) >= len(told) + len(rest)
    book.add("x", len(kept), 2, "bob")
    assert len(book.current("x")) == len(kept) + 1
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_rounds_are_kept_in_their_order(book):
    for number in range(3):
        book.add_round("fields", {"asked": [number]})
    assert book.rounds("fields") == [{"asked": [0]}, {"asked": [1]}, {"asked": [2]}]
    assert json.dumps(book.rounds("forests")) == "[]"
