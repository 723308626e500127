"""The command line: JSON on standard output, progress and faults on standard error.

Each family of commands is a module, which registers them when it is imported; what is heavy is imported
by a command when it runs. Exit codes: 0 done, 1 the job or the data failed, 2 the command was wrong.
"""

from __future__ import annotations

import sys

from eocene.cli import (
    accounts,
    archive,
    backup,
    checking,
    cubes,
    datasets,
    embedding,
    explaining,
    features,
    jobs,
    labelling,
    learning,
    linking,
    models,
    packaging,
    renewing,
    rules,
    service,
    training,
)
from eocene.cli.console import app
from eocene.model import EoceneError, InputError, NotFoundError, UnavailableError

__all__ = [
    "accounts",
    "app",
    "archive",
    "backup",
    "checking",
    "cubes",
    "datasets",
    "embedding",
    "explaining",
    "features",
    "jobs",
    "labelling",
    "learning",
    "linking",
    "main",
    "models",
    "packaging",
    "renewing",
    "rules",
    "service",
    "training",
]


def main() -> None:
    """Run the command line; faults end in one sentence and a code."""
    try:
        app(standalone_mode=True)
    except EoceneError as error:
        sys.stderr.write(f"eocene: {error.code}: {error}\n")
        sys.exit(2 if isinstance(error, InputError | NotFoundError | UnavailableError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
