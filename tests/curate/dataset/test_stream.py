from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.curate.dataset import Dataset
from eocene.curate.dataset.order import order_rows
from eocene.model import InputError


def same(a, b):
    return (
        a.number == b.number
        and np.array_equal(a.rows, b.rows)
        and np.array_equal(a.labels, b.labels)
        and all(np.array_equal(a.layers[k], b.layers[k], equal_nan=True) for k in a.layers)
    )


@pytest.mark.parametrize("stored", [False, True])
def test_batches_are_equal_for_equal_seeds_at_0_1_and_2_workers(dataset, stored):
    alone, one, two = (list(dataset.stream(32, 7, workers, stored=stored)) for workers in (0, 1, 2))
    assert len(alone) == len(one) == len(two) == 10
    assert all(same(a, b) and same(a, c) for a, b, c in zip(alone, one, two, strict=True))


def test_batches_hold_the_pixels_and_labels_of_their_rows(dataset, material):
    origin = material.origin(dataset)
    seen = []
    for batch in dataset.stream(64, seed=3, stored=True):
        np.testing.assert_array_equal(batch.layers["s2"], material.numbers[origin[batch.rows]])
        np.testing.assert_array_equal(batch.layers["s1"], material.radar[origin[batch.rows]])
        np.testing.assert_array_equal(batch.labels, material.labels[origin[batch.rows]])
        seen += batch.rows.tolist()
    assert sorted(seen) == list(range(300))


def test_seeds_and_epochs_are_different_orders(dataset):
    def rows(**mixing):
        return np.concatenate([b.rows for b in dataset.stream(50, layers=("s1",), **mixing)]).tolist()

    assert rows(seed=1) == rows(seed=1)
    assert len({tuple(rows(seed=s, epoch=e)) for s in (1, 2) for e in (0, 1)}) == 4
    assert rows(seed=None) == list(range(300))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_goes_on_at_any_batch(dataset, workers):
    stream = dataset.stream(32, 7, workers, layers=("s1",))
    everything = list(stream)
    later = list(stream.since(6))
    assert [b.number for b in later] == [6, 7, 8, 9]
    assert all(same(a, b) for a, b in zip(everything[6:], later, strict=True))
    assert list(stream.since(10)) == []
    with pytest.raises(InputError, match="no batch 11"):
        stream.since(11)


def test_only_the_rows_asked_for_come(dataset):
    rows = np.flatnonzero(dataset.labels == 1)
    batches = list(dataset.stream(16, rows=rows, drop_last=True))
    assert {len(b.rows) for b in batches} == {16}
    assert len(batches) == len(rows) // 16
    assert set(np.concatenate([b.rows for b in batches])) <= set(rows)
    few = list(dataset.stream(16, rows=np.array([250, 3])))
    assert sorted(few[0].rows) == [3, 250]


def test_what_is_read_ahead_is_left_when_nobody_asks_for_more(dataset):
    stream = iter(dataset.stream(8, workers=2))
    first = next(stream)
    stream.close()
    assert first.number == 0


def test_a_batch_needs_samples(dataset: Dataset):
    with pytest.raises(InputError, match="Batches of 0"):
        dataset.stream(0)


@given(
    count=st.integers(0, 200),
    shard=st.integers(1, 50),
    window=st.integers(1, 6),
    seed=st.integers(0, 99),
    share=st.floats(0.1, 1),
)
def test_every_order_has_each_row_once_and_mixes_only_the_shards_of_a_window(
    count, shard, window, seed, share
):
    rows = np.flatnonzero(np.random.default_rng(seed).uniform(size=count) < share)
    order = order_rows(rows, shard, window, seed)
    assert sorted(order) == rows.tolist()
    shards = (order // shard).tolist()
    left = list(dict.fromkeys(shards))  # by their first appearance
    for start in range(0, len(left), window):
        group = set(left[start : start + window])
        places = [k for k, s in enumerate(shards) if s in group]
        assert len(places) == 0 or max(places) - min(places) + 1 == len(places)
