"""What two runs of the demonstration made, compared by checksum."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

JOBS = ("ndvi", "map")
FILES = {"dataset": "dataset.json", "model": "model.onnx"}
"""Of the outputs that are folders, the file that tells what was computed: of a data set, its checksums."""

_PASSING = ("seconds", "outputs", "steps")
"""Figures of a run that are not those of what it computed."""


@dataclass(frozen=True)
class Compared:
    """One output: its name, and its SHA-256 on one machine and on the cluster; None where it is missing."""

    name: str
    alone: str | None
    cluster: str | None

    @property
    def is_equal(self) -> bool:
        """Whether both runs made it, and the same."""
        return self.alone is not None and self.alone == self.cluster


def compare(alone: dict[str, str], cluster: dict[str, str]) -> list[Compared]:
    """Return every output of either run, by name."""
    names = sorted(alone.keys() | cluster.keys())
    return [Compared(name, alone.get(name), cluster.get(name)) for name in names]


def digest_run(workspace: Path, figures: dict[str, Any], downloads: Path | None = None) -> dict[str, str]:
    """Return the SHA-256 of each output of a run by a name that does not depend on the run.

    Parameters
    ----------
    workspace : Path
        Where the run worked.
    figures : dict
        What it returned.
    downloads : Path, optional
        Where the results of jobs lie as the API gave them out, a folder for each; by default those of the
        workspace are taken.
    """
    outputs: dict[str, str] = figures["outputs"]
    found = {}
    for job in JOBS:
        name = outputs[job].removeprefix("results/")
        folder = (workspace / "results" if downloads is None else downloads) / name
        for path in sorted(folder.glob("*.tif")):
            found[f"{job}: {path.name.replace(name, job)}"] = _digest([path])
        cube = _open_cube(folder)
        found[f"{job}: cube.zarr ({len(cube)} files)"] = _join(cube)
    for output, file in FILES.items():
        found[f"{output}: {file}"] = _digest([workspace / outputs[output] / file])
    found["parcels: parcels.parquet"] = _digest([workspace / outputs["parcels"]])
    kept = {key: value for key, value in sorted(figures.items()) if key not in _PASSING}
    found[f"figures: {', '.join(kept)}"] = hashlib.sha256(repr(kept).encode()).hexdigest()
    return found


def _open_cube(folder: Path) -> dict[str, bytes]:
    """Return path → bytes of the files of a cube: a folder, or the zip file that a server makes of it."""
    packed = folder / "cube.zarr.zip"
    if packed.is_file():
        with zipfile.ZipFile(packed) as archive:
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    cube = folder / "cube.zarr"
    return {
        path.relative_to(cube).as_posix(): path.read_bytes() for path in cube.rglob("*") if path.is_file()
    }


def _join(files: dict[str, bytes]) -> str:
    """Return the SHA-256 of the list of files with theirs, as ``sha256sum`` writes it."""
    lines = (f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
