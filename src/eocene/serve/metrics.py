"""Counts and times of requests, in the text format of Prometheus."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter

BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counts requests by route; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request that took so many seconds."""
        with self._lock:
            self._requests[method, route, status] += 1
            buckets = self._buckets.setdefault(route, [0] * (len(BUCKETS_S) + 1))
            buckets[bisect_left(BUCKETS_S, seconds)] += 1
            self._seconds[route] += seconds  # type: ignore[assignment]  # a Counter holds floats as well

    def render(self, jobs: dict[str, int]) -> str:
        """Return all counts as text, with the number of jobs by state."""
        lines = [
            "# HELP eocene_requests_total Requests by method, route and status.",
            "# TYPE eocene_requests_total counter",
        ]
        with self._lock:
            for (method, route, status), count in sorted(self._requests.items()):
                labels = f'method="{method}",route="{escape(route)}",status="{status}"'
                lines.append(f"eocene_requests_total{{{labels}}} {count}")
            lines += [
                "# HELP eocene_request_seconds Time to answer.",
                "# TYPE eocene_request_seconds histogram",
            ]
            for route, buckets in sorted(self._buckets.items()):
                lines += _render_histogram(escape(route), buckets, self._seconds[route])
        lines += ["# HELP eocene_jobs Batch jobs by state.", "# TYPE eocene_jobs gauge"]
        lines += [f'eocene_jobs{{status="{status}"}} {count}' for status, count in sorted(jobs.items())]
        return "\n".join(lines) + "\n"


def _render_histogram(route: str, buckets: list[int], seconds: float) -> list[str]:
    lines, total = [], 0
    for limit, count in zip((*map(str, BUCKETS_S), "+Inf"), buckets, strict=True):
        total += count
        lines.append(f'eocene_request_seconds_bucket{{route="{route}",le="{limit}"}} {total}')
    lines.append(f'eocene_request_seconds_sum{{route="{route}"}} {seconds:.6f}')
    lines.append(f'eocene_request_seconds_count{{route="{route}"}} {total}')
    return lines


def escape(value: str) -> str:
    """Return a label value with backslash, quote and line break escaped."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
