"""Pages go on where they ended whatever happens meanwhile; patches, deletions and counts are exact."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import chain, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.archive import Search
from eocene.archive.catalogue.collection_search import CollectionSearch
from eocene.archive.fields import pick_fields
from eocene.model import InputError, NotFoundError, TimeSpan


def _items(products, count=30):
    """Items whose times come in threes, many with a number, some with a text for the same property."""
    made = []
    for i in range(count):
        extra = [{}, {"rank": i % 7}, {"rank": i / 3}, {"rank": f"é{i % 4}"}][i % 4]
        cloud = {} if i % 5 == 0 else {"eo:cloud_cover": float(i * 37 % 100)}
        made.append(
            products.make_item(
                f"i{i:02d}",
                bbox=(i / 10, 0.0, i / 10 + 1, 1.0),
                properties={
                    "datetime": f"2024-{1 + i % 3:02d}-{1 + i // 3:02d}T00:00:0{i % 2}.5Z",
                    "majortom:cells": [f"{i // 10}U_1R", f"{i % 2}U_2L"],
                    **extra,
                    **cloud,
                },
            )
        )
    return made


@pytest.fixture
def filled(catalogue, products):
    catalogue.put_items(_items(products))
    return catalogue


def _ids(items):
    return [item["id"] for item in items]


def _pages(catalogue, query):
    token = None
    while True:
        page = catalogue.page(query, token)
        yield page
        token = page.next
        if token is None:
            return


ORDERS = [
    (),
    ("+datetime",),
    ("-rank",),
    ("rank", "-id"),
    ("-eo:cloud_cover",),
    ("id",),
    ("nothing", "-rank"),
]


@pytest.mark.parametrize("sortby", ORDERS, ids=str)
@pytest.mark.parametrize("bbox", [None, (0.0, 0.0, 2.0, 2.0)], ids=["anywhere", "somewhere"])
def test_pages_make_the_whole_in_every_order_also_where_values_are_missing(filled, sortby, bbox):
    query = Search(sortby=sortby, bbox=bbox, limit=4)
    whole = _ids(filled.search(replace(query, limit=None)))
    assert len(set(whole)) == len(whole) == (30 if bbox is None else 21)
    pages = [_ids(page.items) for page in _pages(filled, query)]
    assert [len(page) for page in pages[:-1]] == [4] * (len(pages) - 1)
    assert list(chain(*pages)) == whole


def test_numbers_come_before_texts_and_nothing_comes_last(filled):
    up = [item["properties"].get("rank") for item in filled.search(Search(sortby=("rank",)))]
    down = [item["properties"].get("rank") for item in filled.search(Search(sortby=("-rank",)))]
    numbers = [value for value in up if isinstance(value, int | float)]
    texts = [value for value in up if isinstance(value, str)]
    assert up == sorted(numbers) + sorted(texts) + [None] * 8
    assert down == sorted(texts, reverse=True) + sorted(numbers, reverse=True) + [None] * 8


def test_what_is_put_or_deleted_between_pages_neither_doubles_nor_hides_what_stays(filled, products):
    first = filled.page(Search(limit=10))
    filled.delete_items("s2", _ids(first.items)[:5])
    filled.put_items([products.make_item("newest", properties={"datetime": "2025-01-01T00:00:00Z"})])
    rest = [page.items for page in _pages(filled, Search(limit=10))]  # a new search sees the new item
    second = filled.page(Search(limit=100), first.next)
    assert set(_ids(first.items)).isdisjoint(_ids(second.items))
    assert len(_ids(first.items)) + len(_ids(second.items)) == 30
    assert "newest" in _ids(rest[0])


def test_a_page_counts_what_matches_only_when_asked(filled):
    page = filled.page(Search(limit=3, bbox=(0.0, 0.0, 0.5, 1.0)), counted=True)
    assert (len(page.items), page.matched) == (3, 6)
    assert filled.page(Search(limit=3)).matched is None
    assert filled.page(Search(limit=0)) == ([], None, None)


@pytest.mark.parametrize("token", ["", "!", "W10", "eyJhIjoxfQ", "é", "A" * 10_000])
def test_a_token_of_something_else_is_an_input_error(filled, token):
    with pytest.raises(InputError, match="token"):
        filled.page(Search(), token)
    other = filled.page(Search(limit=1, sortby=("id",))).next
    with pytest.raises(InputError, match="token"):
        filled.page(Search(limit=1), other)


def test_all_items_can_be_walked_through_in_batches(filled):
    assert _ids(filled.iterate(Search(), batch=7)) == _ids(filled.search(Search()))


def test_items_may_be_put_while_they_are_read(filled):
    def copies():
        for item in filled.iterate(Search(), batch=7):
            assert filled.collection("s2")["id"] == "s2"
            yield item | {"id": "copy " + item["id"]}

    assert filled.put_items(item for item in list(copies())) == 30
    assert filled.put_items(copies()) >= 60
    assert filled.count(Search()) >= 90


def test_fields_are_included_and_left_out(filled):
    query = Search(ids=("i01",), fields=("properties.datetime", "properties.rank", "-properties.rank"))
    assert filled.search(query) == [
        {
            "id": "i01",
            "collection": "s2",
            "properties": {"datetime": "2024-02-01T00:00:01.5Z", "rank": 1},
        }
    ]
    (item,) = filled.page(
        Search(ids=("i01",), fields=("-assets", "-properties.eo:cloud_cover", "-x.y"))
    ).items
    whole = filled.item("s2", "i01")
    assert item.keys() == whole.keys() - {"assets"}
    assert whole["properties"].keys() - item["properties"].keys() == {"eo:cloud_cover"}


def test_names_with_dots_are_fields_too():
    item = {"id": "a", "collection": "c", "p": {"x.y": {"z": 1, "w": 2}}, "p.x": 3}
    assert pick_fields(item, ("p.x.y.z",)) == {"id": "a", "collection": "c", "p": {"x.y": {"z": 1}}}
    assert pick_fields(item, ("p.x",)) == {"id": "a", "collection": "c", "p.x": 3}
    assert pick_fields(item, ("p", "p.x.y.z"))["p"] == item["p"]
    assert item["p"] == {"x.y": {"z": 1, "w": 2}}


def test_items_are_found_by_the_cells_that_they_name(filled, products):
    assert _ids(filled.search(Search(cells=("2U_1R",), sortby=("id",)))) == [f"i{i}" for i in range(20, 30)]
    both = Search(cells=("2U_1R", "0U_2L"), bbox=(2.45, 0.0, 2.45, 1.0), sortby=("id",))
    assert _ids(filled.search(both)) == ["i16", "i18", "i20", "i21", "i22", "i23", "i24"]
    filled.put_items([products.make_item("i20")])
    filled.delete_items("s2", ["i21"])
    assert filled.count(Search(cells=("2U_1R",))) == 8
    assert filled.search(Search(cells=("' OR 1=1 --",))) == []


def test_cells_that_are_no_list_of_texts_are_refused(catalogue, products):
    with pytest.raises(InputError, match="majortom:cells"):
        catalogue.put_items([products.make_item("a", properties={"majortom:cells": "0U_1R"})])


def test_counts_by_group_are_those_of_a_loop(filled, products):
    items = _items(products)
    clouds = [item["properties"].get("eo:cloud_cover") for item in items]
    expected = {
        "collection": Counter(item["collection"] for item in items),
        "month": Counter(item["properties"]["datetime"][:7] for item in items),
        "cloud_cover": Counter(str(int(cloud) // 10 * 10) for cloud in clouds if cloud is not None),
        "square": Counter(f"{int(sum(item['bbox'][0:3:2]) / 2 // 1)}/0" for item in items),
        "cell": Counter(cell for item in items for cell in item["properties"]["majortom:cells"]),
    }
    for by, counts in expected.items():
        assert filled.aggregate(Search(), by) == counts, by
    clear = Search(filter="eo:cloud_cover + 0 < 50", bbox=(0.0, 0.0, 10.0, 10.0))
    assert sum(filled.aggregate(clear, "month").values()) == sum(c is not None and c < 50 for c in clouds)
    with pytest.raises(InputError, match="weather"):
        filled.aggregate(Search(), "weather")


def test_creating_refuses_what_exists_and_updating_what_does_not_and_writes_nothing(filled, products):
    with pytest.raises(InputError, match="i05") as caught:
        filled.put_items([products.make_item("new"), products.make_item("i05")], mode="create")
    assert caught.value.code == "ItemExists"
    with pytest.raises(NotFoundError, match="new") as missing:
        filled.put_items([products.make_item("i05"), products.make_item("new")], mode="update")
    assert missing.value.code == "ItemNotFound"
    assert sorted(_ids(filled.search(Search()))) == [f"i{i:02d}" for i in range(30)]
    assert filled.item("s2", "i05") == _items(products)[5]
    assert filled.put_items([products.make_item("new")], mode="create") == 1
    assert filled.put_items([products.make_item("new", bbox=(9, 9, 10, 10))], mode="update") == 1
    assert filled.item("s2", "new")["bbox"] == [9, 9, 10, 10]


def test_a_patch_changes_adds_and_removes_fields_and_is_found_by_them(filled):
    before = filled.item("s2", "i01")
    patch = {
        "properties": {"eo:cloud_cover": 3.5, "rank": None, "new": {"a": 1}},
        "assets": {"B01": {"href": "x"}},
    }
    after = filled.patch_item("s2", "i01", patch)
    expected = {name: value for name, value in before["properties"].items() if name != "rank"}
    assert after["properties"] == expected | {"eo:cloud_cover": 3.5, "new": {"a": 1}}
    assert filled.item("s2", "i01") == after
    assert _ids(filled.search(Search(filter="eo:cloud_cover = 3.5"))) == ["i01"]


def test_a_patch_that_makes_another_item_or_a_wrong_one_changes_nothing(filled):
    before = filled.item("s2", "i01")
    for patch in ({"id": "other"}, {"collection": None}, {"properties": {"datetime": "soon"}}, {"bbox": [1]}):
        with pytest.raises(InputError):
            filled.patch_item("s2", "i01", patch)
    with pytest.raises(NotFoundError, match="nobody"):
        filled.patch_item("s2", "nobody", {})
    assert filled.item("s2", "i01") == before


def test_a_collection_goes_with_all_its_items_and_nothing_else(filled, products):
    filled.put_items(
        [products.make_item("kept", collection="s3")], collections=[products.collection | {"id": "s3"}]
    )
    assert filled.delete_collection("s2") == 30
    assert _ids(filled.search(Search(bbox=(-180.0, -90.0, 180.0, 90.0)))) == ["kept"]
    assert [collection["id"] for collection in filled.collections()] == ["s3"]
    with pytest.raises(NotFoundError):
        filled.delete_collection("s2")
    assert filled.aggregate(Search(), "cell") == {}


def test_collections_are_found_by_words_area_and_time(catalogue, products):
    for name, words, bbox, interval in (
        ("a", "Optical Images", [-10.0, 0.0, 10.0, 20.0], ["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"]),
        ("b", "Radar", [170.0, -10.0, -170.0, 10.0], ["2015-01-01T00:00:00Z", None]),
    ):
        extent = {"spatial": {"bbox": [bbox]}, "temporal": {"interval": [interval]}}
        catalogue.put_collection(products.collection | {"id": name, "title": words, "extent": extent})

    def found(**wanted):
        return "".join(
            c["id"] for c in catalogue.collections_found(CollectionSearch(**wanted)) if c["id"] != "s2"
        )

    assert found() == "ab"
    assert found(q=("optical images",)) == "a"
    assert found(q=("sar", "RADAR")) == "b"
    assert found(q=("lidar",)) == ""
    assert found(bbox=(5.0, 5.0, 6.0, 6.0)) == "a"
    assert found(bbox=(-175.0, 0.0, -174.0, 1.0)) == "b"
    assert found(bbox=(175.0, 0.0, -179.0, 1.0)) == "b"
    assert found(bbox=(50.0, 0.0, 60.0, 1.0)) == ""
    assert found(span=TimeSpan.from_openeo(["2021-01-01", "2022-01-01"])) == "ab"
    assert found(span=TimeSpan.from_openeo(["2021-01-02", "2022-01-01"])) == "b"
    assert found(span=TimeSpan.from_openeo([None, "2015-01-01"])) == ""
    assert len(catalogue.collections_found(CollectionSearch(limit=1, offset=2))) == 1


scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner),
    max_leaves=6,
)


@given(
    patches=st.lists(st.dictionaries(st.text("abc", min_size=1, max_size=1), values), min_size=2, max_size=2)
)
def test_the_same_patch_again_changes_nothing_more(patches):
    from eocene.archive.catalogue.interface import merge_patch

    item = {"id": "a", "collection": "c", **patches[0]} if "a" not in patches[0] else patches[0]
    item = item | {"id": "a", "collection": "c"}
    once = merge_patch(item, patches[1])
    assert merge_patch(once, patches[1]) == once
    assert all(name not in once for name, value in patches[1].items() if value is None)


def test_the_order_of_time_is_exact_within_a_second(catalogue, products):
    moments = [f"2024-05-01T10:00:00.{i:06d}Z" for i in (3, 1, 999_999, 500_000, 2)]
    catalogue.put_items(
        products.make_item(f"m{i}", properties={"datetime": moment}) for i, moment in enumerate(moments)
    )
    for bbox in (None, (0.0, 0.0, 1.0, 1.0)):
        found = [i["properties"]["datetime"] for i in catalogue.search(Search(bbox=bbox, limit=4))]
        assert all(a > b for a, b in pairwise(found))
        assert len(found) == 4
