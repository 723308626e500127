"""What code of users may take, and the error that tells when it fails."""

from __future__ import annotations

from dataclasses import dataclass

from eocene.model import InputError

MIB = 1 << 20


class UdfError(InputError):
    """The code of a user failed: by its own error, by a limit, or because its process ended.

    Parameters
    ----------
    message, remedy : str
        As in every error; the message names the line where there is one.
    line : int
        Line of the code, counted from 1; 0 if it is not known.
    """

    code = "UdfFailed"

    def __init__(self, message: str, remedy: str = "", *, line: int = 0, code: str | None = None) -> None:
        super().__init__(message, remedy, code=code)
        self.line = line


@dataclass(frozen=True)
class Limits:
    """What one process of a sandbox may take.

    Parameters
    ----------
    wall_s, cpu_s : float
        Seconds of one call: by the clock, and of the processor.
    memory : int
        Bytes of address space, Python and its packages (about a third of a GiB) included.
    output : int
        Bytes of what one call takes in and gives back, each.
    folder : int
        Bytes of its private /tmp, which lies in memory.
    files : int
        Files in that folder, which take memory of the kernel beside their bytes.
    log : int
        Characters that one call may print; more is left out.
    start_s : float
        Seconds until a new process must be ready.
    """

    wall_s: float = 120.0
    cpu_s: float = 60.0
    memory: int = 3072 * MIB
    output: int = 1024 * MIB
    folder: int = 64 * MIB
    files: int = 10_000
    log: int = 100_000
    start_s: float = 60.0
