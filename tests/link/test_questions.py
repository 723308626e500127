"""Each question gives what geopandas and numpy give."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from tests.link.world import JOB, World, make_world

from eocene.link import ask, examples, feature_iri
from eocene.link.questions import find_question
from eocene.model import InputError, NotFoundError


def drop_by_pandas(world: World, start: str, end: str) -> pd.DataFrame:
    table = world.observations.dropna(subset=["value"])
    month = table[(table["time"] >= start) & (table["time"] < end)].sort_values("time")
    ends = month.groupby("feature")["value"].agg(["first", "last"])
    return ends.assign(drop=ends["first"] - ends["last"])


def near_by_geopandas(world: World, metres: float) -> set[str]:
    epsg = world.store.metric_frame.epsg
    fields, water = world.parcels.to_crs(epsg), world.water.to_crs(epsg)
    return set(fields[fields.distance(water.union_all()) < metres]["id"])


@pytest.mark.parametrize(("seed", "crs"), [(1, 32632), (2, 4326), (3, 3035)])
def test_maize_near_water_with_falling_ndvi_equals_geopandas(tmp_path, seed, crs):
    world = make_world(tmp_path, seed, parcels=400, crs=crs)
    answer = {row["parcel"]: row for row in ask(world.store, "crops-near-water", distance_m=400)}
    drops = drop_by_pandas(world, "2024-06-01", "2024-07-01")
    fallen = drops[drops["drop"] > 0.2]
    maize = set(world.parcels[world.parcels["class"] == "maize"]["id"])
    expected = maize & near_by_geopandas(world, 400) & set(fallen.index)
    assert len(expected) > 3
    assert set(answer) == {feature_iri("parcels", name).value for name in expected}
    for name in expected:
        assert answer[feature_iri("parcels", name).value]["drop"] == pytest.approx(fallen.loc[name, "drop"])


@pytest.mark.parametrize("month", [5, 7])
def test_the_month_takes_its_first_day_and_leaves_the_next(world, month):
    answer = ask(world.store, "crops-near-water", distance_m=1e5, month=month, drop=-2, crop="barley")
    drops = drop_by_pandas(world, f"2024-{month:02}-01", f"2024-{month + 1:02}-01")
    barley = world.parcels[world.parcels["class"] == "barley"]["id"]
    assert len(answer) == len(set(drops.index) & set(barley)) > 0


@pytest.mark.parametrize("seed", [4, 5])
def test_hectares_and_confidence_by_crop_equal_geopandas(tmp_path, seed):
    world = make_world(tmp_path, seed)
    area = gpd.GeoSeries([shapely.Point(604_000, 5_304_000).buffer(2500)], crs=32632).to_crs(4326)
    answer = ask(world.store, "crops-in-area", area=area.iloc[0].wkt).to_frame().set_index("crop")
    hit = world.parcels[world.parcels.to_crs(4326).intersects(shapely.from_wkt(area.iloc[0].wkt))]
    for crop, rows in hit.groupby("class"):
        assert answer.loc[crop, "parcels"] == len(rows)
        assert answer.loc[crop, "hectares"] == pytest.approx(rows.area.sum() / 1e4, rel=1e-9)
        assert answer.loc[crop, "meanConfidence"] == pytest.approx(rows["confidence"].mean())
    assert set(answer.index) == set(hit["class"])


@pytest.mark.parametrize("metres", [0, 300])
def test_sources_beside_the_largest_water_equal_geopandas(world, metres):
    answer = list(ask(world.store, "sources-beside-water", distance_m=metres))
    largest = world.water.geometry.iloc[world.water.area.argmax()]
    count = int((world.parcels.distance(largest) <= metres).sum())
    assert count > 0
    assert {row["item"].rsplit(":", 1)[-1] for row in answer} == {item["id"] for item in JOB["items"]}
    assert {row["model"] for row in answer} == {"urn:eocene:model:forest-1"}
    assert {row["parcels"] for row in answer} == {count}


def test_empty_answers_are_empty(world):
    assert len(ask(world.store, "crops-near-water", crop="rice")) == 0
    assert len(ask(world.store, "crops-in-area", area="POLYGON ((0 0, 1 0, 1 1, 0 0))")) == 0


def test_examples_of_the_page_can_be_asked(world):
    assert [set(example) for example in examples()] == [{"title", "query"}] * 3
    for example in examples():
        assert world.store.query(example["query"]).kind == "select"


def test_parameters_cannot_break_out_of_their_place(world):
    text = find_question("crops-near-water").render(
        crop='x") } DROP ALL #', property="> ?x } SERVICE <a:b> {"
    )
    assert len(world.store.query(text)) == 0


@pytest.mark.parametrize(
    "parameters",
    [{"distance_m": "500"}, {"distance_m": float("nan")}, {"month": 13}, {"crops": "maize"}, {"crop": 3}],
)
def test_wrong_parameters_are_refused(parameters):
    question = find_question("crops-near-water")
    if parameters == {"crop": 3}:
        parameters = {"crop": None}
    with pytest.raises(InputError):
        question.render(**parameters)


def test_an_unknown_question_names_those_there_are():
    with pytest.raises(NotFoundError, match="crops-in-area"):
        find_question("nothing")
