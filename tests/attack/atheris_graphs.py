"""Coverage-guided fuzzing of the graph reader and planner with atheris, run by hand.

    pip install atheris
    python -m tests.attack.atheris_graphs -max_total_time=600 corpus/

Bytes are read as JSON; the seeds of an empty corpus folder are random graphs of every process.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["eocene"]):
    from eocene.process import registry
    from tests.attack.archives import small_archive
    from tests.attack.fuzz_graphs import Fuzzer
    from tests.attack.fuzz_run import try_graph


def main() -> None:
    """Run until atheris is told to stop."""
    warnings.simplefilter("ignore")
    archive = small_archive(Path(tempfile.mkdtemp()))
    for folder in (Path(a) for a in sys.argv[1:] if not a.startswith("-")):
        folder.mkdir(exist_ok=True)
        if not any(folder.iterdir()):
            plant_seeds(folder)

    def try_bytes(data: bytes) -> None:
        outcome = try_graph(data, archive)
        if outcome not in ("planned", "refused"):
            raise RuntimeError(outcome)

    atheris.Setup(sys.argv, try_bytes)
    atheris.Fuzz()


def plant_seeds(folder: Path) -> None:
    """Write graphs to start from."""
    for number, graph in enumerate(itertools.islice(Fuzzer(registry.specs(), 1), 2_000)):
        try:
            text = json.dumps(graph, allow_nan=False).encode()
        except (TypeError, ValueError):
            continue
        (folder / f"{number}.json").write_bytes(text)


if __name__ == "__main__":
    main()
