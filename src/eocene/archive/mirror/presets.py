"""Archives that everybody mirrors: where they are, what their bands are called, how their files are fetched.

Sources: the landing pages and collections of the three APIs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import is_remote
from eocene.archive.fetch.urls import parse_url
from eocene.archive.mirror.presets_access import Access, OpenAccess, SignedAccess, TokenAccess
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Preset:
    """A STAC API and its files.

    Attributes
    ----------
    url : str
        The landing page.
    prefixes : tuple of str
        Where its assets lie.
    access : Access
        How they are asked for.
    bands : mapping
        Collection to band to the asset that holds it, where these are not called the same.
    alternate : str
        The alternate location of an asset that is fetched, where there are no keys for the first one.
    left_out : tuple of str
        Ends of the names of assets that hold the same as others, in another format.
    """

    url: str
    prefixes: tuple[str, ...] = ()
    access: Access = field(default_factory=OpenAccess)
    bands: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    alternate: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def reachable(self) -> tuple[str, ...]:
        """All prefixes that mirroring it needs: its server, its assets and its tokens."""
        return (find_origin(self.url), *self.prefixes, *self.access.prefixes)

    @property
    def can_read_in_place(self) -> bool:
        """Whether its files can be read without a token that expires."""
        return isinstance(self.access, OpenAccess)

    def choose_href(self, asset: Mapping[str, Any]) -> str:
        """Return where an asset is fetched from."""
        href = str(asset.get("href", ""))
        other = (asset.get("alternate") or {}).get(self.alternate) if self.alternate else None
        has_keys = bool(os.environ.get("AWS_ACCESS_KEY_ID"))
        if isinstance(other, dict) and is_remote(other.get("href")) and not has_keys:
            return str(other["href"])
        return href

    def name_asset(self, collection: str, band: str) -> str:
        """Return the asset that a band is in."""
        return self.bands.get(collection, {}).get(band, band)


def find_origin(url: str) -> str:
    """Return scheme, host and port of a URL as a prefix."""
    parsed = parse_url(url)
    return f"{parsed.scheme}://{parsed.authority}/"


_EARTH_SEARCH_S2 = {
    "B01": "coastal", "B02": "blue", "B03": "green", "B04": "red", "B05": "rededge1", "B06": "rededge2",
    "B07": "rededge3", "B08": "nir", "B8A": "nir08", "B09": "nir09", "B11": "swir16", "B12": "swir22",
    "SCL": "scl", "AOT": "aot", "WVP": "wvp",
}  # fmt: skip
_CDSE_S2 = {
    **{band: f"{band}_10m" for band in ("B02", "B03", "B04", "B08")},
    **{band: f"{band}_20m" for band in ("B05", "B06", "B07", "B8A", "B11", "B12", "SCL")},
    **{band: f"{band}_60m" for band in ("B01", "B09")},
    "AOT": "AOT_10m",
    "WVP": "WVP_10m",
}
_AZURE = (
    "sentinel2l2a01", "landsateuwest", "sentinel1euwest", "sentinel1euwestrtc", "elevationeuwest",
    "modiseuwest", "ai4edataeuwest", "naipeuwest", "hlseuwest", "sentinel3euwest",
)  # fmt: skip

PRESETS: dict[str, Preset] = {
    "earth-search": Preset(
        "https://earth-search.aws.element84.com/v1",
        (
            "https://sentinel-cogs.s3.us-west-2.amazonaws.com/",
            "https://e84-earth-search-sentinel-data.s3.us-west-2.amazonaws.com/",
            "https://copernicus-dem-30m.s3.amazonaws.com/",
            "https://copernicus-dem-90m.s3.amazonaws.com/",
        ),
        bands={"sentinel-2-l2a": _EARTH_SEARCH_S2, "sentinel-2-c1-l2a": _EARTH_SEARCH_S2},
        left_out=("-jp2",),
    ),
    "planetary-computer": Preset(
        "https://planetarycomputer.microsoft.com/api/stac/v1",
        tuple(f"https://{account}.blob.core.windows.net/" for account in _AZURE),
        SignedAccess("https://planetarycomputer.microsoft.com/api/sas/v1/token"),
    ),
    "cdse": Preset(
        "https://stac.dataspace.copernicus.eu/v1",
        (
            "https://download.dataspace.copernicus.eu/",
            "https://zipper.dataspace.copernicus.eu/",
            "s3://eodata/",
        ),
        TokenAccess(
            "https://identity.dataspace.copernicus.eu/auth/realms/CDSE/protocol/openid-connect/token",
            "cdse-public",
            "CDSE_USERNAME",
            "CDSE_PASSWORD",
        ),
        bands={"sentinel-2-l2a": _CDSE_S2},
        alternate="https",
    ),
}


def find_preset(source: str) -> Preset:
    """Return the preset of a name, or of the URL of an API or catalogue.

    Raises
    ------
    InputError
        If it is neither.
    """
    if source in PRESETS:
        return PRESETS[source]
    if not is_remote(source) or source.startswith("s3:"):
        raise InputError(
            f"{source!r} is no source.",
            f"Give the URL of a STAC API or catalogue, or one of {', '.join(PRESETS)}; files go by ingest.",
        )
    for preset in PRESETS.values():
        if parse_url(source).is_below(parse_url(preset.url)):
            return preset
    return Preset(source)


def find_access(href: str) -> Preset:
    """Return the preset whose files lie where a URL leads, or one without tokens."""
    url = parse_url(href)
    for preset in PRESETS.values():
        if any(url.is_below(parse_url(prefix)) for prefix in preset.prefixes):
            return preset
    return Preset(href)
