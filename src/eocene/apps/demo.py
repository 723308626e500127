"""The demonstration: a simulated world, or real products, through the whole chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.apps.land_cover import LandCover
from eocene.apps.steps import Steps
from eocene.apps.study import plan_study
from eocene.archive import Archive
from eocene.model import Layout

if TYPE_CHECKING:
    from eocene.apps.batch import RunJob


def run_demo(
    layout: Layout,
    steps: Steps,
    *,
    data: Path | None = None,
    simulated: Path | None = None,
    size: int = 1024,
    run_job: RunJob | None = None,
) -> dict[str, Any]:
    """Run the main job in a workspace and return its figures.

    Parameters
    ----------
    layout : Layout
        An existing workspace; what an earlier run left is replaced step by step.
    steps : Steps
        Where progress and outcomes are told.
    data : Path, optional
        Real products; without it a world is simulated.
    simulated : Path, optional
        Where the simulated archive is kept, ``archive`` beside the workspace by default.
    size : int
        Edge of a simulated tile in pixels of 10 m.
    run_job : callable, optional
        Has batch jobs run elsewhere; by default they run in this process.
    """
    product = data or _simulate(simulated or layout.root.parent / "archive", steps, size)
    archive = Archive(layout)
    try:
        with steps.step("ingest") as (step, advance):
            items = archive.ingest(product, progress=advance)
            names = sorted({i["collection"] for i in items})
            step.outcome = f"{len(items)} items in {', '.join(names)}"
            step.figure = f"{len(items)} items"
        return {"items": len(items), **LandCover(archive, plan_study(archive), steps, run_job).run()}
    finally:
        archive.close()


def _simulate(folder: Path, steps: Steps, size: int) -> Path:
    """Make the simulated archive, or complete one that was cut off."""
    from eocene.testing.simulate import simulate_archive

    with steps.step("simulated archive") as (step, advance):
        made = simulate_archive(folder, size=size, progress=advance)
        step.outcome = f"{made.items} items in two UTM zones, Sentinel-2 and Sentinel-1"
        step.figure = f"{made.megapixels:.0f} Mpx"
    return folder
