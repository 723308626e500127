"""The vector index: what it finds, what it keeps, and what it refuses."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from eocene.learn.embed import Embeddings, VectorStore, ask_by_class, ask_by_examples
from eocene.learn.embed import lists as lists_module
from eocene.model import DamageError, InputError, NotFoundError

pytest.importorskip("faiss")


def draw(n: int, width: int = 16, seed: int = 0, clusters: int = 40) -> Embeddings:
    """Draw vectors around some centres, over all longitudes and twelve months."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(clusters, width))
    which = random.integers(0, clusters, n)
    vectors = (centres[which] + 0.3 * random.normal(size=(n, width))).astype(np.float32)
    months = np.datetime64("2024-01-01", "s") + random.integers(0, 365, n) * np.timedelta64(86400, "s")
    return Embeddings(
        vectors=vectors, lon=random.uniform(-180, 180, n), lat=random.uniform(-60, 60, n), time=months,
        ids=np.array([f"p{number}" for number in range(n)]), sources={"encoder": "drawn"}, name="drawn",
    )  # fmt: skip


def nearest_by_hand(found: Embeddings, query: np.ndarray, rows: np.ndarray, count: int) -> list[int]:
    scores = found.vectors[rows].astype(np.float64) @ (query / np.linalg.norm(query))
    return rows[np.argsort(-scores, kind="stable")[:count]].tolist()


@pytest.fixture(scope="module")
def few() -> Embeddings:
    return draw(3000)


@pytest.fixture(scope="module")
def index(few, tmp_path_factory):
    return VectorStore(tmp_path_factory.mktemp("indexes")).write(few)


def test_few_vectors_are_all_compared(few, index):
    query = few.vectors[5] + 0.02
    hits = index.search(query, 10)
    assert [hit.row for hit in hits] == nearest_by_hand(few, query, np.arange(3000), 10)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    first = hits[0]
    assert first.id == f"p{first.row}"
    assert (first.lon, first.lat) == (few.lon[first.row], few.lat[first.row])
    assert first.time == f"{few.time[first.row]}Z"


def test_a_box_and_a_span_leave_only_what_lies_inside(few, index):
    bbox, span = (-40.0, -10.0, 60.0, 30.0), "2024-03/2024-05"
    hits = index.search(few.vectors[0], 7, bbox=bbox, datetime=span)
    inside = (few.lon >= -40) & (few.lon <= 60) & (few.lat >= -10) & (few.lat <= 30)
    inside &= (few.time >= np.datetime64("2024-03-01")) & (few.time < np.datetime64("2024-06-01"))
    assert [hit.row for hit in hits] == nearest_by_hand(few, few.vectors[0], np.flatnonzero(inside), 7)


def test_a_box_may_cross_the_line_of_180_degrees(few, index):
    hits = index.search(few.vectors[0], 3000, bbox=(170.0, -90.0, -170.0, 90.0))
    across = (few.lon >= 170) | (few.lon <= -170)
    assert {hit.row for hit in hits} == set(np.flatnonzero(across).tolist())
    assert index.search(few.vectors[0], 5, bbox=(0.0, 80.0, 1.0, 81.0)) == []


def test_examples_themselves_can_be_left_out(few, index):
    hits = index.search(few.vectors[3], 5, leave_out=[3])
    rows = np.delete(np.arange(3000), 3)
    assert [hit.row for hit in hits] == nearest_by_hand(few, few.vectors[3], rows, 5)


def test_vectors_and_rows_are_found_by_id_and_place(few, index):
    assert index.rows_of(["p7", "p2990"]).tolist() == [7, 2990]
    np.testing.assert_allclose(index.vectors([7, 2990]), few.vectors[[7, 2990]], atol=1e-3)
    assert index.nearest_row(few.lon[42], few.lat[42]) == 42
    assert index.nearest_row(few.lon[42] + 360.0, few.lat[42]) == 42
    with pytest.raises(NotFoundError, match="has no nobody"):
        index.rows_of(["p7", "nobody"])


def test_many_vectors_are_found_through_lists_as_often_as_was_measured(tmp_path):
    many = draw(lists_module.FEW + 5000, clusters=200)
    index = VectorStore(tmp_path).write(many)
    assert index.measured.recall >= 0.95
    random = np.random.default_rng(1)
    asked, found = random.choice(len(many), 40, replace=False), 0
    for row in asked:
        query = many.vectors[row] + 0.05 * random.normal(size=16).astype(np.float32)
        truth = set(nearest_by_hand(many, query, np.arange(len(many)), 10))
        found += len(truth & {hit.row for hit in index.search(query, 10)})
    assert found / 400 >= 0.95
    rows = np.array([3, 24_000])
    np.testing.assert_allclose(index.vectors(rows), many.vectors[rows], atol=1e-3)
    # A filter that leaves few looks everywhere, and so misses nothing.
    hits = index.search(many.vectors[0], 10, bbox=(0.0, 0.0, 20.0, 20.0))
    inside = (many.lon >= 0) & (many.lon <= 20) & (many.lat >= 0) & (many.lat <= 20)
    truth = nearest_by_hand(many, many.vectors[0], np.flatnonzero(inside), 10)
    assert len(set(truth) & {hit.row for hit in hits}) >= 9  # numbers of 2 bytes may swap the last


def test_an_index_is_named_by_its_content_and_never_changes(few, tmp_path):
    store = VectorStore(tmp_path)
    first = store.write(few)
    stamps = {path.name: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    again = store.write(draw(3000))
    assert again.id == first.id
    assert {path.name: path.stat().st_mtime_ns for path in again.folder.iterdir()} == stamps
    other = store.write(draw(3000, seed=1))
    assert other.id != first.id
    assert store.ids() == sorted([first.id, other.id])
    store.delete(first.id)
    assert store.ids() == [other.id]
    with pytest.raises(NotFoundError, match="no index 'drawn-000000000000'"):
        store.open("drawn-000000000000")


@pytest.mark.parametrize("name", ["vectors.faiss", "places.parquet", "index.json"])
def test_a_damaged_index_is_refused(few, tmp_path, name):
    store = VectorStore(tmp_path)
    path = store.write(few).folder / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(DamageError, match="cannot be read"):
        store.open(few.id)


def test_a_write_that_fails_leaves_nothing(few, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("eocene.learn.embed.store.write_lists", fail)
    with pytest.raises(OSError, match="No space"):
        VectorStore(tmp_path).write(few)
    assert list(tmp_path.iterdir()) == []


def test_the_sidecar_says_where_the_vectors_come_from(index):
    told = json.loads((index.folder / "index.json").read_text())
    assert told["sources"] == {"encoder": "drawn"}
    assert (told["count"], told["width"], told["unit"]) == (3000, 16, "pixel")


def test_several_examples_ask_for_their_middle():
    up, right = np.array([0.0, 5.0], np.float32), np.array([0.5, 0.0], np.float32)
    np.testing.assert_allclose(ask_by_examples(np.stack([up, right])), np.sqrt([0.5, 0.5]), atol=1e-6)
    with pytest.raises(InputError, match="no example"):
        ask_by_examples(np.empty((0, 2), np.float32))


def test_counter_examples_turn_the_search_away(few, index):
    good = index.search(few.vectors[0], 200)
    middle, far = few.vectors[[hit.row for hit in good[:5]]], few.vectors[[hit.row for hit in good[-5:]]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        turned = ask_by_examples(middle, far)
    plain = ask_by_examples(middle)
    assert (far @ turned).mean() < (far @ plain).mean()
    assert (middle @ turned).min() > (far @ turned).max()


def test_a_class_is_found_by_a_linear_model_where_its_middle_would_mislead():
    """Two classes share their strongest direction and differ in a weak one."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 400)
    vectors = random.normal(0, 0.05, (400, 8)).astype(np.float32)
    vectors[:, 0] += 1.0
    vectors[:, 1] += np.where(labels == 1, 0.15, -0.15) + random.normal(0, 0.05, 400)
    query = ask_by_class(vectors[:100], labels[:100], 1)
    first = np.argsort(-(vectors[100:] @ query))[:50]
    assert (labels[100:][first] == 1).mean() >= 0.98
    with pytest.raises(InputError, match="No example has the class 7"):
        ask_by_class(vectors, labels, 7)


def test_pixels_become_cells_of_the_grid(few):
    near = Embeddings(
        vectors=few.vectors[:4], lon=np.array([10.001, 10.002, 10.001, 80.0]), lat=np.full(4, 45.01),
        time=np.array(["2024-01-01", "2024-01-01", "2024-02-01", "2024-01-01"], "datetime64[s]"),
        ids=few.ids[:4],
    )  # fmt: skip
    cells = near.gather_cells()
    assert (len(cells), cells.unit) == (3, "cell")
    pair = few.vectors[:2].sum(axis=0)
    both = np.flatnonzero(cells.lon == 10.0015)
    np.testing.assert_allclose(cells.vectors[both[0]], pair / np.linalg.norm(pair), atol=1e-6)
    assert len(set(cells.ids.tolist())) == 2  # two places, one of them at two times


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"vectors": np.zeros((2, 3), np.float32)}, "zero or not finite"),
        ({"vectors": np.full((2, 3), np.nan, np.float32)}, "zero or not finite"),
        ({"lon": np.zeros(3)}, "lon has shape"),
        ({"name": "../up"}, "cannot be kept"),
        ({"unit": "planet"}, "cannot be kept"),
    ],
)
def test_what_is_no_embedding_is_refused(change, fault):
    whole = {
        "vectors": np.eye(2, 3, dtype=np.float32), "lon": np.zeros(2), "lat": np.zeros(2),
        "time": np.zeros(2, "datetime64[s]"), "ids": np.array(["a", "b"]),
    }  # fmt: skip
    with pytest.raises(InputError, match=fault):
        Embeddings(**(whole | change))


@pytest.mark.parametrize(
    ("query", "options", "fault"),
    [
        (np.ones(3), {}, "cannot be answered"),
        (np.ones(16), {"count": 0}, "cannot be answered"),
        (np.full(16, np.nan), {}, "not finite"),
        (np.ones(16), {"bbox": (0, 1, 2)}, "not a box"),
        (np.ones(16), {"bbox": (0, 5, 2, 1)}, "not a box"),
        (np.ones(16), {"datetime": "yesterday"}, "not a time"),
    ],
)
def test_wrong_questions_are_refused(index, query, options, fault):
    with pytest.raises(InputError, match=fault):
        index.search(query, **options)


def test_a_point_lies_in_the_nearest_place_or_in_none(tmp_path):
    lon, lat = (v.ravel() for v in np.meshgrid(179.95 + np.arange(20) * 0.01, 60 + np.arange(10) * 0.005))
    lon = (lon + 180) % 360 - 180  # over the edge of the map
    held = Embeddings(
        vectors=np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32), lon=lon, lat=lat,
        ids=np.arange(200).astype(str), time=np.full(200, "NaT", "datetime64[s]"), name="net",
    )  # fmt: skip
    net = VectorStore(tmp_path).write(held)
    rng = np.random.default_rng(1)
    rows = rng.permutation(200)[:40]
    moved = net.rows_under(lon[rows] + rng.uniform(-0.004, 0.004, 40), lat[rows])
    np.testing.assert_array_equal(moved, rows)
    assert net.rows_under(np.array([0.0, 179.9]), np.array([60.0, 60.0])).tolist() == [-1, -1]
