"""The bias report on planted shifts, and what weights and the plan do to the worst region.

    python benchmarks/bias.py [--seeds 8] [--labels 400] [--page FILE]

A simulated population is sampled with planted shifts of region, season and cloud. Printed are the shifts
that the report names, beside those that were planted, and the error of a random forest in its worst region:
with the biased samples, with these weighted, and with as many samples by the plan. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np

from eocene.curate.bias import draw_bias, find_facts, find_worst, list_shares, measure_bias
from eocene.learn import ModelSpec, train
from eocene.testing.simulate.population import draw_biased, simulate_population

POPULATION, POOL = 20_000, 12_000
FACTORS = {"region", "season", "cloud"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--labels", type=int, default=400)
    parser.add_argument("--page", type=Path, default=None)
    arguments = parser.parse_args()
    runs = [run(seed, arguments.labels, arguments.page) for seed in range(arguments.seeds)]
    told = {
        "named_all_three_and_no_other": sum(set(r["named"]) == FACTORS for r in runs),
        "seeds": len(runs),
        "size_error": max(r["size_error"] for r in runs),
        "worst_region_error": {key: mean(r["worst"][key] for r in runs) for key in runs[0]["worst"]},
    }
    worst = told["worst_region_error"]
    told["lowered_by_plan"] = 1 - worst["plan"] / worst["biased"]
    told["least_lowered"] = min(1 - r["worst"]["plan"] / r["worst"]["biased"] for r in runs)
    print(json.dumps(told))


def run(seed: int, labels: int, page: Path | None) -> dict:
    population = simulate_population(POPULATION, seed)
    facts = find_facts(population)
    rows = np.random.default_rng(seed).permutation(POPULATION)
    pool, test = rows[:POOL], rows[POOL:]
    candidates, use = take(facts, pool), take(facts, test)
    drawn = draw_biased(candidates, labels, seed)
    ours = take(candidates, drawn.rows)
    report = measure_bias(ours, use, candidates=candidates, protect="region", seed=seed)
    planned = report.plan.draw(candidates, seed)
    samples = population.take(pool[drawn.rows])
    weighted = replace(samples, columns={**samples.columns, "weight": report.weights})
    models = {"biased": samples, "weighted": weighted, "plan": population.take(pool[planned])}
    worst, wrong_of = {}, {}
    for name, each in models.items():
        model = train(each, ModelSpec(seed=seed))
        wrong = model.classify(population.features[test]) != population.labels[test]
        wrong_of[name] = wrong
        worst[name] = find_worst(list_shares(wrong, use))["region"].share
    named = [s.factor for s in report.notable]
    sizes = {s.factor: (s.size, drawn.sizes[s.factor]) for s in report.notable}
    print(f"seed {seed}: " + "; ".join(str(s) for s in report.notable))
    print("  planted " + ", ".join(f"{f} {100 * size[1]:.1f} %" for f, size in sizes.items()))
    print("  worst region's error " + ", ".join(f"{k} {v:.3f}" for k, v in worst.items()))
    if page is not None and seed == 0:
        shown = measure_bias(ours, use, candidates=candidates, protect="region",
                             seen=(facts, population.columns["cloud"], 0.3))  # fmt: skip
        page.write_text(draw_bias(replace(shown, errors=tuple(list_shares(wrong_of["biased"], use)))),
                        encoding="utf-8")  # fmt: skip
    size_error = max(abs(a - b) for a, b in sizes.values())
    return {"named": named, "worst": worst, "size_error": size_error, "planned": len(planned)}


def take(facts: dict, rows: np.ndarray) -> dict:
    return {key: values[rows] for key, values in facts.items()}


if __name__ == "__main__":
    main()
