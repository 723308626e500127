"""Older and sparser STAC made into what Eocene speaks: STAC 1.1, one band an asset, hrefs absolute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.archive.product import EXTENSIONS, STAC_VERSION, name_extensions
from eocene.archive.raster import (
    PARQUET,
    is_grib,
    is_hdf5,
    is_jp2,
    is_netcdf,
    is_npy,
    is_tiff,
    is_zarr,
)
from eocene.model.errors import DamageError, InputError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

_STRUCTURE = ("self", "root", "parent", "child", "item", "items", "collection", "prev", "next")
_EO_NAMES = ("common_name", "center_wavelength", "full_width_half_max", "solar_illumination")
_RASTER_NAMES = {"scale": "raster:scale", "offset": "raster:offset", "spatial_resolution": "gsd"}
_LIFTED = ("data_type", "nodata", "unit", "raster:scale", "raster:offset", "gsd", "classification:classes")
_NOT_DATA = {"thumbnail", "overview", "metadata", "visual", "data-mask"}


_RASTERS = (is_tiff, is_netcdf, is_jp2, is_hdf5, is_grib, is_npy, is_zarr)


def is_data(asset: dict[str, Any]) -> bool:
    """Tell whether an asset holds data that Eocene opens: a raster or a table."""
    roles = set(asset.get("roles") or ())
    opens = any(test(asset) for test in (*_RASTERS, is_table))
    return opens and ("data" in roles or not roles & _NOT_DATA)


def is_table(asset: dict[str, Any]) -> bool:
    """Tell whether an asset is a Parquet table."""
    return asset.get("type") in (PARQUET, "application/x-parquet", "application/parquet")


def normalise_collection(collection: dict[str, Any]) -> dict[str, Any]:
    """Return a collection in STAC 1.1 without links to the catalogue that it came from."""
    name = collection.get("id")
    if not isinstance(name, str) or not name:
        raise InputError("A STAC collection has no id.", "Give it one.")
    result = collection | {"stac_version": STAC_VERSION, "links": _outer_links(collection)}
    if isinstance(collection.get("item_assets"), dict):
        result["item_assets"] = {
            key: asset
            for name, definition in collection["item_assets"].items()
            for key, asset in split_bands(name, _migrate_asset(definition, {})).items()
        }
    return result


def normalise_item(item: dict[str, Any], locate: Callable[[str], str]) -> dict[str, Any]:
    """Return an item in STAC 1.1, its data assets with absolute hrefs and one band each.

    Parameters
    ----------
    item : dict
        STAC 1.0 or 1.1.
    locate : callable
        Returns the absolute path of an href, or raises.

    Raises
    ------
    InputError
        If assets or properties are no objects.
    """
    properties, assets = item.get("properties"), item.get("assets")
    if not isinstance(properties, dict) or not isinstance(assets, dict):
        raise InputError(
            f"The item {item.get('id')!r} is not valid: properties or assets are missing.",
            "Correct the item by the STAC specification; nothing was written.",
        )
    properties = _migrate_projection(properties)
    found: dict[str, Any] = {}
    for name, asset in assets.items():
        if not isinstance(asset, dict) or not isinstance(asset.get("href"), str):
            raise InputError(f"The asset {name!r} of item {item.get('id')!r} has no href.", "Add it.")
        if is_data(asset):
            located = _migrate_asset(asset, properties) | {"href": locate(asset["href"])}
            found.update(split_bands(name, located))
        elif (other := _locate_other(asset, locate)) is not None:
            found[name] = other
    result = item | {"stac_version": STAC_VERSION, "properties": properties, "assets": found}
    result["links"] = _outer_links(item)
    known = [url for url in item.get("stac_extensions") or [] if _is_other_extension(url)]
    return result | {"stac_extensions": [*name_extensions(result), *known]}


def _locate_other(asset: dict[str, Any], locate: Callable[[str], str]) -> dict[str, Any] | None:
    """Return a thumbnail or the like with its path; remote ones stay, those that are no files go."""
    try:
        return asset | {"href": locate(asset["href"])}
    except UnavailableError:
        return asset
    except (InputError, DamageError):
        return None


def _is_other_extension(url: object) -> bool:
    ours = (known.rpartition("/v")[0] for known in EXTENSIONS.values())
    return isinstance(url, str) and not any(part in url for part in (*ours, "/item-assets/"))


def _outer_links(document: dict[str, Any]) -> list[dict[str, Any]]:
    links = document.get("links")
    kept = [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    return [link for link in kept if link.get("rel") not in _STRUCTURE]


def _migrate_projection(fields: dict[str, Any]) -> dict[str, Any]:
    if "proj:epsg" not in fields:
        return fields
    result = {key: value for key, value in fields.items() if key != "proj:epsg"}
    if fields["proj:epsg"] is not None:
        result.setdefault("proj:code", f"EPSG:{fields['proj:epsg']}")
    return result


def _migrate_asset(asset: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """Return an asset with ``bands`` instead of eo:bands and raster:bands, and the item's projection."""
    result = _migrate_projection(asset)
    for key in ("proj:code", "proj:shape", "proj:transform", "gsd"):
        if key in properties:
            result.setdefault(key, properties[key])
    eo, raster = result.pop("eo:bands", None) or [], result.pop("raster:bands", None) or []
    if (eo or raster) and "bands" not in result:
        count = max(len(eo), len(raster))
        pairs = zip(_pad(eo, count), _pad(raster, count), strict=True)
        result["bands"] = [_merge_band(a, b) for a, b in pairs]
    return result


def _pad(bands: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    return [*bands, *({} for _ in range(count - len(bands)))]


def _merge_band(eo: dict[str, Any], raster: dict[str, Any]) -> dict[str, Any]:
    band = {(f"eo:{key}" if key in _EO_NAMES else key): value for key, value in eo.items()}
    return band | {_RASTER_NAMES.get(key, key): value for key, value in raster.items()}


def split_bands(name: str, asset: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the asset as one asset a band; fields of the only band are lifted to the asset."""
    bands = asset.get("bands") or [{"name": name}]
    if len(bands) == 1:
        return {name: _lift(asset, {"name": name, **bands[0]})}
    result = {}
    for number, band in enumerate(bands, start=1):
        key = str(band.get("name") or f"{name}_{number}")
        result[key] = _lift(asset, {"name": key, **band}) | {"eocene:band": number}
    return result


def _lift(asset: dict[str, Any], band: dict[str, Any]) -> dict[str, Any]:
    lifted = {key: band[key] for key in _LIFTED if key in band}
    kept = {key: value for key, value in band.items() if key not in _LIFTED}
    return {**asset, **lifted, "bands": [kept]}
