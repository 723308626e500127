"""An item of a source: which assets of it are wanted, what state it is in, how it becomes one of ours."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from shapely.geometry import shape

from eocene.archive.fetch import is_remote
from eocene.archive.fetch.urls import parse_url
from eocene.archive.mirror.sync_fetch import KEY, SOURCE, Fetched
from eocene.archive.mirror.sync_source import absolute_assets
from eocene.archive.normalise import is_data, is_table, normalise_item
from eocene.archive.opening import open_raster
from eocene.model.errors import EoceneError, InputError
from eocene.model.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eocene.archive.fetch import Door
    from eocene.archive.mirror.presets import Preset

STATE = "eocene:state"
_ALTERNATE = "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json"
_GEOJSON = "application/geo+json"
_ROWS = 512


def choose_assets(
    item: Mapping[str, Any], url: str, names: Sequence[str], preset: Preset, known: Mapping[str, Any] | None
) -> dict[str, dict[str, Any]]:
    """Return the assets of an item that are wanted, and those that the workspace has already.

    Parameters
    ----------
    item : mapping
        As the source has it.
    url : str
        Where it was read.
    names : sequence of str
        Assets, bands or common names; all data if empty.
    preset : Preset
        What bands are called there.
    known : mapping, optional
        The item as the workspace has it.

    Raises
    ------
    InputError
        If it has none of them.
    """
    there = absolute_assets(dict(item), url)
    wanted = {preset.name_asset(str(item.get("collection")), name) for name in names}
    had = set() if known is None else {read_key(asset) for asset in known["assets"].values()}
    chosen = {
        key: asset
        for key, asset in there.items()
        if key in had or (_is_named(key, asset, wanted) if wanted else _is_default(key, asset, preset))
    }
    if not chosen:
        raise InputError(
            f"The item {item['id']!r} of the source has no asset {', '.join(names) or 'with data'}.",
            f"Choose among {', '.join(there) or 'none'}.",
        )
    return chosen


def read_key(asset: Mapping[str, Any]) -> str | None:
    """Return the name that an asset of ours has at its source."""
    source = (asset.get("alternate") or {}).get(SOURCE)
    return source.get(KEY) if isinstance(source, dict) else None


def _is_named(key: str, asset: Mapping[str, Any], wanted: set[str]) -> bool:
    bands = [*(asset.get("bands") or []), *(asset.get("eo:bands") or [])]
    names = {
        band.get(field)
        for band in bands
        if isinstance(band, dict)
        for field in ("name", "common_name", "eo:common_name")
    }
    alone = len({band.get("name") for band in bands if isinstance(band, dict)}) == 1
    return key in wanted or (is_data(dict(asset)) and alone and bool(names & wanted))


def _is_default(key: str, asset: Mapping[str, Any], preset: Preset) -> bool:
    return is_data(dict(asset)) and not key.endswith(preset.left_out or ("\0",))


def name_state(item: Mapping[str, Any], url: str) -> str:
    """Return what changes when the source tells anything else of an item; signatures do not count."""
    assets = {
        key: asset | {"href": _strip(str(asset["href"]))}
        for key, asset in absolute_assets(dict(item), url).items()
    }
    told = [item["id"], item.get("geometry"), item.get("bbox"), item["properties"], assets]
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()[:24]


def _strip(href: str) -> str:
    try:
        return parse_url(href).name if is_remote(href) else href
    except EoceneError:
        return href


def read_state(item: Mapping[str, Any]) -> str | None:
    """Return the state of its source that an item of ours was made of."""
    states = (link.get(STATE) for link in item.get("links") or () if link.get("rel") == "via")
    return next((state for state in states if isinstance(state, str)), None)


def make_item(
    item: Mapping[str, Any], url: str, chosen: Mapping[str, Mapping[str, Any]], fetched: Iterable[Fetched]
) -> dict[str, Any]:
    """Return an item of ours: STAC 1.1, its assets where they are now.

    Raises
    ------
    InputError
        If the source's item is not valid.
    """
    places = {one.key: one for one in fetched}
    moved = {
        key: {name: value for name, value in asset.items() if name != "alternate"}
        | {"href": places[key].href}
        | places[key].fields
        for key, asset in chosen.items()
    }
    made = normalise_item({**item, "assets": moved}, lambda href: href)
    links = [link for link in made["links"] if link.get("rel") != "via" and _is_plain(link)]
    via = {"rel": "via", "href": _find_home(item, url), "type": _GEOJSON, STATE: name_state(item, url)}
    extensions = dict.fromkeys([*made["stac_extensions"], _ALTERNATE])
    if made.get("geometry") is not None and "bbox" not in made:
        made["bbox"] = list(shape(made["geometry"]).bounds)
    return made | {"links": [*links, via], "stac_extensions": list(extensions)}


def _is_plain(link: Mapping[str, Any]) -> bool:
    """Tell whether a link leads somewhere from here as well, and not by a signature."""
    href = str(link.get("href"))
    return is_remote(href) and _strip(href) == href


def _find_home(item: Mapping[str, Any], url: str) -> str:
    links = item.get("links")
    own = (
        link.get("href") for link in (links if isinstance(links, list) else []) if isinstance(link, dict)
        and link.get("rel") == "self"
    )  # fmt: skip
    return _strip(next((str(href) for href in own if is_remote(href)), url))


def decode_pixels(item: Mapping[str, Any], door: Door) -> None:
    """Read every pixel of the rasters of an item that lie here: what is packed has checks of its own.

    Raises
    ------
    DamageError
        If one cannot be decoded; it is named.
    """
    for asset in item["assets"].values():
        if not is_data(asset) or is_table(asset) or is_remote(asset["href"]):
            continue
        raster = open_raster(asset, door)
        full = raster.levels[0]
        for top in range(0, full.height, _ROWS):
            rows = min(_ROWS, full.height - top)
            raster.read(Grid(full.lattice, full.left, full.top + top, full.width, rows))


def is_same(known: dict[str, Any], state: str, chosen: dict[str, dict[str, Any]]) -> bool:
    """Tell whether an item was made of this state, and its files are there."""
    assets = known["assets"].values()
    there = {read_key(asset) for asset in assets}
    files = (asset for asset in assets if is_data(asset) and not is_remote(asset["href"]))
    return (
        read_state(known) == state and set(chosen) <= there and all(Path(a["href"]).is_file() for a in files)
    )


def what_lasts(item: dict[str, Any]) -> dict[str, Any]:
    """Return what tells whether an item is another than before."""
    return {key: item[key] for key in ("geometry", "properties", "assets", "links")}
