"""Collections completed from their items: bands, dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.archive.normalise import is_data, is_table
from eocene.archive.raster import parse_nodata
from eocene.model.band import Band

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SHARED = (
    "title", "description", "type", "roles", "data_type", "nodata", "unit", "raster:scale", "raster:offset",
    "gsd", "bands", "classification:classes", "table:columns",
)  # fmt: skip


def complete_collection(
    collection: dict[str, Any], known: dict[str, Any] | None, items: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    """Return a collection with the bands of its items and the openEO dimensions of its cube.

    Parameters
    ----------
    collection : dict
        As the product describes it.
    known : dict or None
        As the catalogue has it already; its bands stay, since its older items have them.
    items : iterable of dict
        The items that the product brings.
    """
    assets: dict[str, dict[str, Any]] = {}
    for source in (collection.get("item_assets"), (known or {}).get("item_assets")):
        for name, definition in (source or {}).items():
            assets[name] = {**definition, **assets.get(name, {})}
    for item in items:
        for name, asset in item["assets"].items():
            if is_data(asset):
                shared = {key: asset[key] for key in _SHARED if key in asset}
                assets[name] = _merge_asset(shared, assets.get(name, {}))
    result = {**collection, "item_assets": assets}
    bands = [name for name, asset in assets.items() if is_data(asset) and not is_table(asset)]
    if bands:
        result["cube:dimensions"] = _describe_cube(bands, collection.get("cube:dimensions") or {})
    return result


def _merge_asset(found: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """Return the definition of a band: what is known stays, classes are united."""
    merged = {**found, **known}
    classes = {entry["value"]: entry for entry in found.get("classification:classes", [])}
    classes |= {entry["value"]: entry for entry in known.get("classification:classes", [])}
    if classes:
        merged["classification:classes"] = [classes[value] for value in sorted(classes)]
    return merged


def _describe_cube(bands: list[str], declared: Mapping[str, Any]) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "x": {"type": "spatial", "axis": "x", "extent": [-180.0, 180.0], "reference_system": 4326},
        "y": {"type": "spatial", "axis": "y", "extent": [-90.0, 90.0], "reference_system": 4326},
        "t": {"type": "temporal", "extent": [None, None]},
    }
    kept = {name: {**default, **declared.get(name, {})} for name, default in defaults.items()}
    return kept | {"bands": {"type": "bands", "values": bands}}


def read_bands(collection: dict[str, Any]) -> tuple[Band, ...]:
    """Return the bands of a collection in the order of its ``item_assets``; a table has none."""
    return tuple(
        _read_band(name, asset)
        for name, asset in (collection.get("item_assets") or {}).items()
        if is_data(asset) and not is_table(asset)
    )


def _read_band(name: str, asset: Mapping[str, Any]) -> Band:
    described = (asset.get("bands") or [{}])[0]
    return Band(
        name=name,
        dtype=str(asset.get("data_type", "float32")),
        nodata=parse_nodata(asset.get("nodata")),
        scale=float(asset.get("raster:scale", 1.0)),
        offset=float(asset.get("raster:offset", 0.0)),
        resolution_m=None if asset.get("gsd") is None else float(asset["gsd"]),
        common_name=described.get("eo:common_name"),
        wavelength=described.get("eo:center_wavelength"),
    )
