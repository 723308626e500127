"""The store: atomic, shared between processes, bounded, and silent towards the network."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from eocene.link import LinkStore
from eocene.model import DamageError, InputError, StateError, UnavailableError

G, H, P = NamedNode("urn:g"), NamedNode("urn:h"), NamedNode("urn:p")
COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"


def make_quads(count, graph=G, start=0):
    return [Quad(NamedNode(f"urn:s{i}"), P, Literal(i), graph) for i in range(start, start + count)]


def count(store):
    return next(iter(store.query(COUNT)))["n"]


@pytest.fixture
def store(tmp_path):
    with LinkStore(tmp_path / "graph") as opened:
        yield opened


def test_loading_replaces_one_graph_and_leaves_the_others(store):
    store.load(make_quads(5), G)
    store.load(make_quads(50, H, 100), H)
    assert store.load(make_quads(3), G) == 3
    assert (count(store), store.graphs()) == (53, ["urn:g", "urn:h"])
    assert store.load(make_quads(7, H, 200), H) == 7
    assert len(store) == 10


@pytest.mark.parametrize("others", [0, 400])
def test_a_triple_in_two_graphs_counts_once_and_lives_as_long_as_one_of_them(store, others):
    store.load(make_quads(others, NamedNode("urn:many"), 1000), NamedNode("urn:many"))
    store.load(make_quads(5), G)
    store.load(make_quads(8, H), H)
    assert count(store) == 8 + others
    store.load([], H)
    assert (count(store), "urn:h" in store.graphs()) == (5 + others, False)
    store.load([], G)
    assert count(store) == others


@pytest.mark.parametrize("others", [0, 400])
def test_several_graphs_are_replaced_at_once_or_not_at_all(store, others):
    many = NamedNode("urn:many")
    store.replace({many: make_quads(others, many, 1000), G: make_quads(5), H: make_quads(8, H, 50)})
    assert store.replace({G: make_quads(2), H: []}) == 2
    assert (count(store), "urn:h" in store.graphs()) == (2 + others, False)
    with pytest.raises(InputError):
        store.replace({G: make_quads(3), H: make_quads(3, G)})
    assert count(store) == 2 + others


def test_an_empty_store_can_be_asked(store):
    assert count(store) == 0
    assert store.metric_frame is None


@pytest.mark.parametrize("fault", ["other graph", "exception"])
def test_a_load_that_fails_changes_nothing(store, fault):
    store.load(make_quads(5), G)

    def quads():
        yield from make_quads(20, G, 50)
        if fault == "exception":
            raise KeyError("broken source")
        yield from make_quads(1, H)

    with pytest.raises((InputError, KeyError)):
        store.load(quads(), G)
    assert (count(store), store.graphs()) == (5, ["urn:g"])
    with LinkStore(store._folder.folder) as again:
        assert count(again) == 5


def test_readers_see_the_old_state_while_a_writer_works(store, tmp_path):
    store.load(make_quads(5), G)
    reader = LinkStore(tmp_path / "graph")
    started, go_on = threading.Event(), threading.Event()

    def quads():
        yield from make_quads(10)
        started.set()
        go_on.wait(10)

    writer = threading.Thread(target=lambda: store.load(quads(), G))
    writer.start()
    started.wait(10)
    assert count(reader) == 5
    with pytest.raises(StateError, match="being written"):
        reader.load(make_quads(1), G, wait_s=0.1)
    go_on.set()
    writer.join()
    assert count(reader) == 10
    reader.close()


def test_a_killed_writer_leaves_a_store_that_the_next_one_completes(store, tmp_path):
    store.load(make_quads(5), G)
    script = f"""
import os, signal
from eocene.link import LinkStore
from pyoxigraph import NamedNode, Quad, Literal
g = NamedNode("urn:g")
def quads():
    for i in range(1000):
        yield Quad(NamedNode(f"urn:s{{i}}"), g, Literal(i), g)
    os.kill(os.getpid(), signal.SIGKILL)
LinkStore({str(tmp_path / "graph")!r}).load(quads(), g)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert count(store) == 5
    store.load(make_quads(6), G)
    assert count(store) == 6
    store.load(make_quads(7), G)
    assert len(list((tmp_path / "graph" / "generations").iterdir())) <= 4


def test_a_folder_that_is_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt"):
        LinkStore(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        LinkStore(tmp_path / "notes.txt")


@pytest.mark.parametrize("text", ["{", '{"format": 1}', '{"format": 9, "generation": 1}'])
def test_a_damaged_pointer_is_told(store, tmp_path, text):
    store.load(make_quads(5), G)
    (tmp_path / "graph" / "store.json").write_text(text)
    with pytest.raises(DamageError, match=r"store\.json"):
        LinkStore(tmp_path / "graph")


def test_a_damaged_generation_is_told(store, tmp_path):
    store.load(make_quads(5), G)
    (tmp_path / "graph" / "generations" / "1" / "CURRENT").unlink()
    with LinkStore(tmp_path / "graph") as again, pytest.raises(DamageError, match="cannot be read"):
        again.query(COUNT)


def test_rows_are_limited_and_it_is_told(store):
    store.load(make_quads(30), G)
    answer = store.query("SELECT ?o { ?s ?p ?o }", limit=10)
    assert (len(answer), answer.truncated) == (10, True)
    assert not store.query("SELECT ?o { ?s ?p ?o }", limit=30).truncated
    assert len(store.query("CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }", limit=4).triples) == 4


def test_a_question_that_takes_too_long_is_stopped(store):
    store.load(make_quads(300), G)
    began = time.monotonic()
    with pytest.raises(StateError, match=r"within 0\.5 s"):
        store.query("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }", timeout_s=0.5)
    assert time.monotonic() - began < 15
    assert store.query(COUNT, timeout_s=20).to_json() == store.query(COUNT).to_json()
    store.load(make_quads(4), G)
    assert next(iter(store.query(COUNT, timeout_s=20)))["n"] == 4
    with pytest.raises(InputError, match="line 1, column"):
        store.query("SELECT * { ?a ?b }", timeout_s=20)


def test_answers_are_sparql_json(store):
    store.load([Quad(NamedNode("urn:s"), P, Literal("a", language="en"), G)], G)
    assert store.query("SELECT ?s ?o ?x { ?s ?p ?o }").to_json() == {
        "head": {"vars": ["s", "o", "x"]},
        "results": {
            "bindings": [
                {
                    "s": {"type": "uri", "value": "urn:s"},
                    "o": {"type": "literal", "value": "a", "xml:lang": "en"},
                }
            ]
        },
    }
    assert store.query("ASK { ?s ?p ?o }").to_json() == {"head": {}, "boolean": True}


def test_a_syntax_error_names_line_and_column(store):
    with pytest.raises(InputError, match=r"line 3, column \d+, in «\?a \?b }»"):
        store.query("SELECT ?x {\n ?x ?y ?z .\n ?a ?b }")


@pytest.mark.parametrize("verb", ["INSERT DATA { <a:a> <a:b> 1 }", "load <http://x.org/>", "DROP ALL", ""])
def test_only_questions_are_answered(store, verb):
    with pytest.raises(InputError):
        store.query(verb)


@pytest.mark.parametrize(
    "body",
    [
        "SERVICE <http://127.0.0.1:9/> { ?s ?p ?o }",
        "service silent <http://127.0.0.1:9/> { ?s ?p ?o }",
        "SERVICE#x\n<http://127.0.0.1:9/>#y { \n{ ?s ?p ?o }",
        "SERVICE ?host{ ?s ?p ?o }",
        "SERVICE ex:a\\'b { ?s ?p ?o }",
        "?s ?p 10SERVICE <http://127.0.0.1:9/> { ?s ?p ?o }",
        "?s ?p ex:a.SERVICE <http://127.0.0.1:9/> { ?s ?p ?o }",
        "FILTER(?a<'b>') SERVICE <http://127.0.0.1:9/> { ?s ?p 'x' }",
        "\\u0053ERVICE <http://127.0.0.1:9/> { ?s ?p ?o }",
        "SERVICEex:a{ ?s ?p ?o }",
    ],
)
def test_no_question_reaches_another_host(store, body):
    with pytest.raises(UnavailableError, match="SERVICE"):
        store.query(f"PREFIX ex: <urn:ex:> SELECT * {{ {body} }}")


@pytest.mark.parametrize(
    "body", ["?s ecn:service ?o", "GRAPH ?service { ?s ?p ?o }", '?s ?p "our service"', "?services ?p ?o"]
)
def test_the_word_service_in_a_name_is_no_call(store, body):
    assert len(store.query(f"SELECT * {{ {body} }}")) == 0


def test_words_in_strings_do_not_change_what_is_read(store):
    store.load([Quad(NamedNode("urn:s"), P, Literal("from"), G)], G)
    assert len(store.query('SELECT * { ?s ?p "from" }')) == 1
    assert len(store.query("SELECT * FROM <urn:g> { ?s ?p ?o }")) == 1
    assert len(store.query("SELECT * FROM <urn:none> { ?s ?p ?o }")) == 0


def test_without_the_extra_the_import_says_what_to_install():
    script = (
        "import sys; sys.modules['pyoxigraph'] = None\n"
        "from eocene.model import UnavailableError\n"
        "try:\n    import eocene.link\n"
        "except UnavailableError as error:\n    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert 'pip install "eocene[link]"' in said
