"""A small real archive that hostile and random graphs may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cube.scenes import TINY, make_archive, make_scene, random_numbers

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.archive import Archive


def small_archive(folder: Path) -> Archive:
    """Two dates of two bands, 12 x 9 pixels, in the collection ``tiny``."""
    scenes = [
        make_scene(
            folder,
            f"scene{day}",
            f"2024-05-{day:02}T10:00:00Z",
            TINY,
            {
                band: random_numbers(day + place, TINY.shape, "uint16")
                for place, band in enumerate(("B04", "B08"))
            },
        )
        for day in (1, 11)
    ]
    return make_archive(folder, scenes)
