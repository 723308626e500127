"""What was known at an instant: of each place the newest value that had been seen and published by then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_DAY = 86_400


class Known(NamedTuple):
    """Values as they were known: (n, bands), and the date of each (n,), NaT where nothing was known."""

    values: NDArray[np.float32]
    times: NDArray[np.datetime64]


def find_known_times(
    times: NDArray[np.datetime64], items: Sequence[Mapping[str, Any]], lookahead_days: float = 0.0
) -> NDArray[np.datetime64]:
    """Return when the value of each date was complete: when its last item had been published.

    A date stands for what was seen from it on to the next one, as periods are labelled by their start. An
    item is known from its property "published", else "created", but not before it was seen.

    Parameters
    ----------
    times : (t,) datetime64
        Ascending.
    items : sequence of dict
        STAC items that values may come from.
    lookahead_days : float
        Added, for values that look further ahead.
    """
    begins = times.astype("datetime64[s]")
    known = begins.copy()
    for item in items:
        told = item["properties"]
        seen = _read_time(told.get("datetime") or told.get("start_datetime"))
        if seen is None:
            continue
        place = int(np.searchsorted(begins, seen, side="right")) - 1
        published = _read_time(told.get("published") or told.get("created")) or seen
        if place >= 0:
            known[place] = max(known[place], seen, published)
    return np.asarray(known + np.timedelta64(round(lookahead_days * _DAY), "s"), "datetime64[s]")


def _read_time(text: str | None) -> np.datetime64 | None:
    return np.datetime64(text[:19], "s") if text else None


def pick_known(
    values: NDArray[np.float32],
    times: NDArray[np.datetime64],
    known: NDArray[np.datetime64],
    asked: NDArray[np.datetime64],
    most_days: float | None = None,
) -> Known:
    """Return for each row the newest value that was known when it was asked for.

    Parameters
    ----------
    values : (n, t, bands)
        NaN where missing; a date without any value is passed over.
    times, known : (t,) datetime64
        The dates, ascending, and when each was complete.
    asked : (n,) datetime64
        When each row would have been used.
    most_days : float, optional
        Nothing older is returned.
    """
    asked = asked.astype("datetime64[s]")
    usable = ~np.isnan(values).all(axis=2)
    usable &= (times[None] <= asked[:, None]) & (known[None] <= asked[:, None])
    if most_days is not None:
        usable &= times[None] >= (asked - np.timedelta64(round(most_days * _DAY), "s"))[:, None]
    last = values.shape[1] - 1 - usable[:, ::-1].argmax(axis=1)
    nothing = ~usable.any(axis=1)
    found = values[np.arange(len(values)), last].copy()
    found[nothing] = np.nan
    when = times[last].astype("datetime64[s]")
    when[nothing] = np.datetime64("NaT")
    return Known(found, when)
