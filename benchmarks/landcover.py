"""Land cover and crop type of the real WorldCereal minicube: block splits beside the random split.

    python benchmarks/landcover.py [FOLDER] [--target LC|CT] [--trees 200] [--draws 3] [--buffers 0 40]

FOLDER is that of the minicubes (or the environment variable EOCENE_MINICUBES; by default
../shared/data/worldcereal-minicubes beside the checkout). The features come from the engine by
``eocene.learn.features.make_feature_graph``; nothing is read around it. Each draw is another
assignment of 160 m blocks to 5 folds. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev

from eocene.archive import Archive
from eocene.curate import Samples, block_split, locate_blocks, random_split, sample_pixels
from eocene.learn import ModelSpec, evaluate
from eocene.learn.features import make_feature_graph
from eocene.model import Layout
from eocene.process import make_plan

PERIOD = ("2018-08-01", "2019-12-01")
FOLDS, BLOCK_M = 5, 160.0
METRICS = ("accuracy", "macro_f1", "balanced_accuracy")


def main() -> None:
    arguments = read_arguments()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as workspace:
        archive = Archive(Layout(Path(workspace)))
        archive.ingest(arguments.folder)
        samples = make_samples(archive, arguments.target)
        archive.close()
    blocks = len(set(map(tuple, locate_blocks(samples, BLOCK_M).tolist())))
    named = ", ".join(f"{samples.class_names[k]} {v}" for k, v in samples.counts.items())
    print(
        f"{len(samples)} pixels, {len(samples.classes)} classes ({named}), "
        f"{len(samples.feature_names)} features"
    )
    print(f"{blocks} blocks of {BLOCK_M:g} m (some cut by the edge), {FOLDS} folds, {arguments.draws} draws")
    spec = ModelSpec(settings={"n_estimators": arguments.trees})
    figures = {"random": measure(samples, spec, None, arguments.draws)}
    for buffer_m in arguments.buffers:
        name = "block" if buffer_m == 0 else f"block_buffer_{buffer_m:g}m"
        figures[name] = measure(samples, spec, buffer_m, arguments.draws)
    summary = {
        "target": arguments.target,
        "pixels": len(samples),
        "classes": len(samples.classes),
        "blocks": blocks,
        "splits": figures,
        "seconds": round(time.perf_counter() - start, 1),
    }
    print(json.dumps(summary))


def make_samples(archive: Archive, target: str) -> Samples:
    """All labelled pixels of the patch with their monthly composites."""
    graph = make_feature_graph(PERIOD)
    plan = make_plan(graph, archive)
    load = {
        "process_id": "load_collection",
        "arguments": {"id": "reference", "bands": [target]},
        "result": True,
    }
    labels = make_plan({"load": load}, archive)
    legend = archive.catalogue.collection("reference")["item_assets"][target]["classification:classes"]
    return sample_pixels(
        plan.read(),
        labels.read(),
        classes={c["value"]: c["name"] for c in legend},
        sources={"items": [i["id"] for i in plan.items], "graph": graph, "label": f"reference/{target}"},
    )


def measure(samples: Samples, spec: ModelSpec, buffer_m: float | None, draws: int) -> dict[str, float]:
    """Mean and spread over draws of the folds, printed as a line; None is the random split."""
    rows, sds, naive = [], [], 0.0
    for seed in range(draws):
        if buffer_m is None:
            split = random_split(samples, FOLDS, seed)
        else:
            split = block_split(samples, FOLDS, BLOCK_M, seed, buffer_m)
        score = evaluate(samples, spec, {"split": split}).splits["split"]
        rows.append(score.pooled)
        sds.append(score.sd["accuracy"])
        naive = score.baseline["accuracy"]
    figures = {m: round(mean(r[m] for r in rows), 4) for m in METRICS}
    figures["accuracy_worst_draw"] = round(min(r["accuracy"] for r in rows), 4)
    figures["accuracy_sd_draws"] = round(stdev(r["accuracy"] for r in rows), 4) if draws > 1 else 0.0
    figures["accuracy_sd_folds"] = round(mean(sds), 4)
    figures["baseline_accuracy"] = round(naive, 4)
    label = "random pixels" if buffer_m is None else f"blocks, buffer {buffer_m:g} m"
    print(
        f"{label:22s} accuracy {figures['accuracy']:.3f} (folds ± {figures['accuracy_sd_folds']:.3f}, "
        f"worst draw {figures['accuracy_worst_draw']:.3f})  macro F1 {figures['macro_f1']:.3f}  "
        f"balanced {figures['balanced_accuracy']:.3f}  commonest class {naive:.3f}",
        flush=True,
    )
    return figures


def read_arguments() -> argparse.Namespace:
    beside = Path(__file__).parents[2] / "shared" / "data" / "worldcereal-minicubes"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path(os.environ.get("EOCENE_MINICUBES", beside))
    )
    parser.add_argument("--target", choices=("LC", "CT"), default="LC")
    parser.add_argument("--trees", type=int, default=200)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--buffers", type=float, nargs="*", default=[0.0, 40.0])
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        sys.exit(f"There is no folder {arguments.folder}. Give that of the minicubes as the first argument.")
    return arguments


if __name__ == "__main__":
    main()
