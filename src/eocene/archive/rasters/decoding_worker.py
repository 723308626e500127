"""The process of a library that damaged files make crash: ``python -I decoding_worker.py READER.py``.

It knows nothing of Eocene. The reader is a script with ``answer(command, messages)``, which returns bytes,
and ``FAULTS``, the exceptions that say that something cannot be decoded. A request is a letter, eight bytes
of length, and messages, each after eight bytes of its length; what comes back is + or -, eight bytes of
length, and the answer or a text that says what was wrong.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

FRAME, LENGTH = struct.Struct("<cQ"), struct.Struct("<Q")
_MOST_MEMORY = 8 * 2**30

Answer = Callable[[bytes, Sequence[bytes]], bytes]


def split(content: bytes) -> Iterator[bytes]:
    """Yield the messages of a request."""
    position = 0
    while position < len(content):
        (length,) = LENGTH.unpack_from(content, position)
        position += LENGTH.size + length
        yield content[position - length : position]


def serve(requests: BinaryIO, answers: BinaryIO, answer: Answer, faults: tuple[type[Exception], ...]) -> None:
    """Answer requests until there are no more."""
    while len(head := requests.read(FRAME.size)) == FRAME.size:
        command, length = FRAME.unpack(head)
        content = requests.read(length)
        try:
            sign, told = b"+", answer(command, list(split(content)))
        except faults as error:
            sign, told = b"-", str(error).encode() or type(error).__name__.encode()
        answers.write(FRAME.pack(sign, len(told)) + told)
        answers.flush()


def main(script: str) -> None:
    """Load a reader, then bound what this process may take, then serve."""
    import resource
    import runpy

    reader = runpy.run_path(script)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    serve(sys.stdin.buffer, sys.stdout.buffer, reader["answer"], reader["FAULTS"])


if __name__ == "__main__":
    main(sys.argv[1])
