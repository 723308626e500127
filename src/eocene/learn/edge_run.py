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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"peak_bytes": peak, "seconds": time.process_time()}))


if __name__ == "__main__":
    main(sys.argv[1])
