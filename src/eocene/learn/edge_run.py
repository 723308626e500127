"""What a small machine would run: a model on rows, within limits. Imports nothing of ours."""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from pathlib import Path


def main(name: str) -> None:
    """Answer the rows of a folder and print what it took."""
    folder = Path(name)
    told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    seconds = math.ceil(told["seconds"])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    # Of the data segment, not of addresses: libraries map far more than they use.
    resource.setrlimit(resource.RLIMIT_DATA, (told["memory"], told["memory"]))
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    session = onnxruntime.InferenceSession(
        str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    rows, step = np.load(folder / "rows.npy", mmap_mode="r"), told["batch"]
    parts = [
        session.run([told["output"]], {"features": np.ascontiguousarray(rows[i : i + step])})[0]
        for i in range(0, len(rows), step)
    ]
    np.save(folder / "answers.npy", np.concatenate(parts))
    print(json.dumps({"peak_bytes": read_peak(), "seconds": time.process_time()}))


def read_peak() -> int:
    """Return the most bytes that this process held; ru_maxrss may count those of the one that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(text for text in status.read_text().splitlines() if text.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main(sys.argv[1])
