"""A GeoTIFF of which a write fails is the same to the byte, or not there and told."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.recovery.disk import Fault, can_watch, run_watched

from eocene.cube.cog import write_cog
from eocene.cube.stored import StoredForm
from eocene.model import Grid
from eocene.model.grid import Lattice

pytestmark = pytest.mark.skipif(not can_watch(), reason="the kernel does not let processes be watched")

GRID = Grid(Lattice(32632, (10.0, 10.0), (0.0, 0.0)), 60_000, -520_000, 24, 20)
PIXELS = np.random.default_rng(0).random(GRID.shape).astype("float32")


def write(path):
    def read(number, window):
        rows, columns = window.slices_in(GRID)
        return PIXELS[rows, columns]

    write_cog(path, GRID, StoredForm(np.dtype("float32"), np.nan), ["b"], read)


def meet_each_write(folder, kind):
    """Write the file again and again, with a fault at one change after the other; yield what came of it.

    That is: what met the fault, whether an error was raised, and the content of the file, None without one.
    """
    path, said = folder / "disk" / "a.tif", folder / "said"

    def work():
        try:
            write(path)
        except OSError:
            said.touch()

    for number in itertools.count(1):
        path.unlink(missing_ok=True)
        said.unlink(missing_ok=True)
        struck = run_watched(work, path.parent, Fault(kind, number, lasts=kind == "ENOSPC")).struck
        if not struck:
            return
        yield struck[0], said.exists(), path.read_bytes() if path.exists() else None


@pytest.mark.parametrize("kind", ["EIO", "ENOSPC"])
def test_a_file_is_whole_wherever_a_write_fails_or_the_fault_is_told(tmp_path, kind):
    (tmp_path / "disk").mkdir()
    write(tmp_path / "disk" / "a.tif")
    whole = (tmp_path / "disk" / "a.tif").read_bytes()
    met = list(meet_each_write(tmp_path, kind))
    assert len(met) >= 8
    assert [struck for struck, _, content in met if content not in (None, whole)] == []
    assert [struck for struck, told, content in met if content is None and not told] == []
    assert [path.name for path in (tmp_path / "disk").iterdir() if path.name != "a.tif"] == []
