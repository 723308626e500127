"""Planted shifts are named with their size, and the plan that repairs them helps the worst region."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eocene.curate.bias import (
    average_months,
    classify_climate,
    find_facts,
    find_removed,
    find_worst,
    list_shares,
    measure_bias,
    measure_effective_size,
    measure_shift,
    plan_samples,
    rake,
)
from eocene.curate.bias.facts import find_cloud_levels, find_seasons
from eocene.learn import ModelSpec, train
from eocene.model import InputError
from eocene.testing.simulate.population import draw_biased, simulate_population


@pytest.fixture(scope="module")
def population():
    return simulate_population(8000, 3)


@pytest.fixture(scope="module")
def facts(population):
    return find_facts(population)


@pytest.fixture(scope="module")
def drawn(facts):
    return draw_biased(facts, 400, 3)


@pytest.fixture(scope="module")
def report(facts, drawn):
    rest = np.setdiff1d(np.arange(8000), drawn.rows)
    return measure_bias(_take(facts, drawn.rows), _take(facts, rest), protect="region")


def test_planted_shifts_and_no_others_are_named(report):
    assert {s.factor for s in report.notable} == {"region", "season", "cloud"}


@pytest.mark.parametrize("factor", ["region", "season", "cloud"])
def test_a_shift_is_named_with_its_size_and_categories(factor, report, drawn):
    shift = next(s for s in report.shifts if s.factor == factor)
    assert shift.size == pytest.approx(drawn.sizes[factor], abs=0.06)
    assert shift.low - 0.03 <= drawn.sizes[factor] <= shift.high + 0.03
    expected = {"region": ("coast", "delta"), "season": ("summer", "winter"), "cloud": ("0–10 %", "60–100 %")}
    assert (shift.most, shift.least) == expected[factor]


def test_the_size_of_a_shift_is_the_share_that_lies_elsewhere():
    ours, theirs = np.repeat(["a", "b"], [75, 25]), np.repeat(["a", "b", "c"], [25, 25, 50])
    assert measure_shift("f", ours, theirs).size == pytest.approx(0.5)


def test_equal_shares_are_no_shift():
    rng = np.random.default_rng(0)
    found = [
        measure_shift("f", rng.choice(["a", "b", "c"], 300), rng.choice(["a", "b", "c"], 3000)).p_value
        for _ in range(40)
    ]
    assert np.mean(np.array(found) <= 0.05) <= 0.2


def test_the_plan_lowers_the_error_of_the_worst_region_at_equal_budget(population, facts, drawn, report):
    test = np.setdiff1d(np.arange(8000), drawn.rows)[:3000]
    pool = np.setdiff1d(np.arange(8000), test)
    planned = pool[report.plan.draw(_take(facts, pool), 3)]
    assert len(planned) == len(drawn.rows)
    errors = []
    for rows in (drawn.rows, planned):
        model = train(population.take(rows), ModelSpec(seed=0))
        wrong = model.classify(population.features[test]) != population.labels[test]
        errors.append(find_worst(list_shares(wrong, _take(facts, test)))["region"].share)
    assert errors[1] <= 0.8 * errors[0]


def test_weights_give_every_factor_the_shares_of_use(facts, drawn):
    ours = _take(facts, drawn.rows)
    weights = rake(ours, facts, ["region", "season"], limit=1000)
    for factor in ("region", "season"):
        assert measure_shift(factor, ours[factor], facts[factor], weights=weights).size < 0.01
    assert weights.mean() == pytest.approx(1)
    assert 1 <= measure_effective_size(weights) < len(weights)


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=60),
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=60),
    st.integers(1, 60),
)
def test_a_plan_spends_the_budget_and_never_more_than_there_is(use, pool, budget):
    theirs, candidates = {"f": np.array(use)}, {"f": np.array(pool)}
    room = sum(pool.count(name) for name in set(use))
    if room < budget:
        with pytest.raises(InputError, match="candidates"):
            plan_samples(theirs, candidates, ["f"], budget)
        return
    plan = plan_samples(theirs, candidates, ["f"], budget)
    assert plan.budget == budget
    assert all(n <= pool.count(cell[0]) for cell, n in plan.cells.items())
    rows = plan.draw(candidates, 0)
    assert len(np.unique(rows)) == budget


def test_what_a_cloud_filter_removes_is_told_by_category():
    facts = {"region": np.repeat(["dry", "wet"], 100), "cloud": np.repeat("x", 200)}
    cloud = np.concatenate([np.full(100, 0.1), np.tile([0.9, 0.1], 50)])
    removed = find_removed(facts, cloud, 0.5)
    assert [(g.name, g.share) for g in removed] == [("wet", 0.5), ("dry", 0.0)]
    assert removed[0].low < 0.5 < removed[0].high


def test_seasons_are_those_of_the_hemisphere():
    time = np.array(["2024-01-15", "2024-04-15", "2024-07-15", "2024-10-15", "NaT"], "datetime64[s]")
    north = find_seasons(time, np.full(5, 50.0)).tolist()
    assert north == ["winter", "spring", "summer", "autumn", "unknown"]
    assert find_seasons(time, np.full(5, -30.0)).tolist()[:4] == ["summer", "autumn", "winter", "spring"]


def test_levels_of_cloud_include_their_upper_bound():
    levels = find_cloud_levels(np.array([0.0, 0.1, 0.11, 0.6, 1.0, np.nan]))
    assert levels.tolist() == ["0–10 %", "0–10 %", "10–30 %", "30–60 %", "60–100 %", "unknown"]


CLIMATES = {  # monthly normals (°C, mm), rounded, and the zone that Peel et al. 2007 map for the place
    ("Singapore", 1.4): ("Af", [26, 27, 28, 28, 28, 28, 28, 28, 27, 27, 27, 26],
                         [230, 120, 170, 165, 170, 150, 155, 160, 165, 185, 255, 300]),
    ("Cairo", 30.1): ("BWh", [14, 15, 18, 22, 25, 28, 28, 28, 27, 24, 19, 15],
                      [5, 4, 4, 1, 0, 0, 0, 0, 0, 1, 4, 6]),
    ("Rome", 41.9): ("Csa", [8, 9, 11, 14, 18, 22, 25, 25, 22, 17, 12, 9],
                     [70, 75, 60, 65, 50, 35, 20, 35, 70, 90, 110, 95]),
    ("London", 51.5): ("Cfb", [5, 5, 8, 10, 13, 16, 19, 18, 16, 12, 8, 6],
                       [55, 40, 40, 45, 50, 45, 45, 50, 50, 70, 60, 55]),
    ("Moscow", 55.8): ("Dfb", [-7, -6, -1, 7, 13, 17, 19, 17, 11, 5, -1, -5],
                       [52, 41, 35, 37, 49, 80, 85, 82, 68, 71, 55, 52]),
    ("Beijing", 39.9): ("Dwa", [-3, 0, 6, 14, 20, 24, 26, 25, 20, 13, 5, -1],
                        [3, 5, 9, 21, 35, 78, 185, 160, 46, 22, 7, 3]),
    ("Nuuk", 64.2): ("ET", [-8, -8, -8, -4, 1, 4, 7, 6, 4, -1, -4, -6],
                     [39, 47, 50, 46, 55, 62, 82, 89, 88, 70, 74, 54]),
    ("Cape Town", -33.9): ("Csb", [21, 21, 20, 17, 15, 13, 12, 13, 14, 16, 18, 20],
                           [15, 17, 20, 41, 69, 93, 82, 77, 40, 30, 14, 17]),
}  # fmt: skip


@pytest.mark.parametrize(("place", "known"), CLIMATES.items(), ids=lambda v: v[0])
def test_climate_zones_are_those_of_the_map(place, known):
    zone, heat, rain = known
    assert classify_climate([heat], [rain], [place[1]]).tolist() == [zone]


def test_months_are_averaged_from_days_of_several_years():
    time = np.arange("2023-01-01", "2025-01-01", dtype="datetime64[D]")
    month = time.astype("datetime64[M]").astype(int) % 12
    heat, rain = average_months(time, month.astype(float), np.full(len(time), 2.0))
    assert heat.tolist() == list(range(12))
    assert rain[0] == 62
    assert rain[1] == pytest.approx(2 * 28.5)


def test_countries_come_from_the_file_that_is_given(real_data, make_samples):
    path = real_data / "vectors-natural-earth/110m/cultural/ne_110m_admin_0_countries.json"
    placed = make_samples([2.35, 13.4, -30.0], [48.85, 52.5, 30.0], [1, 1, 2], epsg=4326)
    assert find_facts(placed, countries=path)["country"].tolist() == ["France", "Germany", "none"]


def test_climate_is_that_of_the_nearest_place_that_is_known(make_samples):
    known = list(CLIMATES.items())
    weather = {
        "lon": np.array([103.8, 31.2]),
        "lat": np.array([1.4, 30.1]),
        "temperature_c": np.array([value[1] for _, value in known[:2]]),
        "precipitation_mm": np.array([value[2] for _, value in known[:2]]),
    }
    placed = make_samples([30.0, 101.0], [28.0, 3.0], [1, 2], epsg=4326)
    assert find_facts(placed, weather=weather)["climate"].tolist() == ["BWh", "Af"]


def test_sources_of_labels_are_compared_and_not_their_features(make_samples):
    names = np.array(["parcels#4", "parcels#17", "reference:classes"])
    facts = find_facts(make_samples([0, 1, 2], [0, 0, 0], [1, 1, 2], columns={"label_source": names}))
    assert facts["label_source"].tolist() == ["parcels", "parcels", "reference:classes"]


def test_a_report_is_json_and_names_the_worst_category(facts):
    wrong = facts["region"] == "delta"
    ours = {k: v[:1000] for k, v in facts.items()}
    told = json.loads(json.dumps(measure_bias(ours, facts, wrong=wrong[:1000]).to_json()))
    assert told["worst"]["region"]["name"] == "delta"
    assert told["notable"] == []
    assert told["plan"] is None


def test_nothing_in_common_is_refused(facts):
    with pytest.raises(InputError, match="no factor in common"):
        measure_bias({"a": facts["region"]}, {"b": facts["region"]})


def _take(facts, rows):
    return {key: values[rows] for key, values in facts.items()}
