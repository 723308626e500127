"""What the manifest of a Sentinel-1 product says: its files, and the scene as STAC describes it.

Source: Sentinel-1 Product Specification (S1-RS-MDA-52-7441), section 5; resolutions and looks: Sentinel-1
User Handbook, tables of Level-1 GRD products.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from eocene.archive.packing.xml import find_all, find_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from eocene.archive.packing.xml import Metadata
    from eocene.archive.rasters.sentinel1_annotation import Annotation

_MD5 = re.compile(r"[0-9a-fA-F]{32}")
_MD5_MULTIHASH = "d50110"
_FREQUENCY_GHZ = 5.405
_RESOLUTIONS = {
    ("SM", "F"): (9, 9, 2, 2, 3.9), ("SM", "H"): (23, 23, 6, 6, 34.4), ("SM", "M"): (84, 84, 22, 22, 352.8),
    ("IW", "H"): (20, 22, 5, 1, 4.4), ("IW", "M"): (88, 87, 22, 5, 105.7),
    ("EW", "H"): (50, 50, 3, 1, 2.8), ("EW", "M"): (93, 87, 6, 2, 10.1),
}  # fmt: skip
"""Mode and class → metres and then looks in range and azimuth, and the looks that they are worth together."""
_CLASSES = {"F": "full", "H": "high", "M": "medium"}


@dataclass(frozen=True)
class DataObject:
    """A file as the manifest tells it."""

    size: int | None
    md5: str | None

    def checksum_fields(self) -> dict[str, Any]:
        """Return the file extension's fields: size in bytes, checksum as a multihash."""
        fields: dict[str, Any] = {} if self.size is None else {"file:size": self.size}
        return fields | ({} if self.md5 is None else {"file:checksum": _MD5_MULTIHASH + self.md5})


def read_objects(manifest: Metadata) -> dict[str, DataObject]:
    """Return the files of the product by their names in it."""
    return dict(_list_objects(manifest))


def _list_objects(manifest: Metadata) -> Iterator[tuple[str, DataObject]]:
    for element in manifest.all("dataObject"):
        name = next((e.get("href", "") for e in find_all(element, "fileLocation")), "")
        size = next((e.get("size", "") for e in find_all(element, "byteStream")), "")
        md5 = find_text(element, "checksum") or ""
        known = DataObject(
            int(size) if size.isdecimal() and len(size) < 16 else None,
            md5.lower() if _MD5.fullmatch(md5) else None,
        )
        yield name.removeprefix("./"), known


def describe_scene(manifest: Metadata, name: str, annotation: Annotation) -> dict[str, Any]:
    """Return the properties of the scene's item.

    Parameters
    ----------
    manifest : Metadata
        Of the product.
    name : str
        Of the product; only it tells the class of the resolution.
    annotation : Annotation
        Of one of its images.

    Raises
    ------
    DamageError
        If something that every product tells is missing.
    """
    start, stop = manifest.time("startTime"), manifest.time("stopTime")
    first, last = (datetime.fromisoformat(time) for time in (start, stop))
    if last < first:
        raise manifest.damage(f"it ends at {stop}, before it starts at {start}")
    middle = (first + (last - first) / 2).isoformat().replace("+00:00", "Z")
    match = re.match(r"S1[A-Z]_\w{2}_GRD([FHM])_", name)
    resolution = match[1] if match else ""
    return {
        "datetime": middle,
        "start_datetime": start,
        "end_datetime": stop,
        "platform": f"sentinel-1{_letter(manifest)}",
        "constellation": "sentinel-1",
        "instruments": ["c-sar"],
        "gsd": annotation.spacing_m,
        **_describe_radar(manifest, resolution, annotation.spacing_m),
        **_describe_orbit(manifest),
        "view:incidence_angle": round(annotation.middle_incidence, 4),
        **_describe_processing(manifest),
        **_describe_mission(manifest, resolution),
    }


def _letter(manifest: Metadata) -> str:
    letters = [manifest.below(platform).text("number") for platform in manifest.all("platform")]
    if not letters or not re.fullmatch("[A-Z]", letters[0]):
        raise manifest.damage("its platform is not named by a letter")
    return letters[0].lower()


def _describe_radar(manifest: Metadata, resolution: str, spacing_m: float) -> dict[str, Any]:
    mode = manifest.text("mode")
    sent = [(e.text or "").strip().upper() for e in manifest.all("transmitterReceiverPolarisation")]
    fields: dict[str, Any] = {
        "sar:instrument_mode": mode,
        "sar:frequency_band": "C",
        "sar:center_frequency": _FREQUENCY_GHZ,
        "sar:polarizations": [p for p in sent if p in ("VV", "VH", "HH", "HV")],
        "sar:product_type": "GRD",
        "sar:observation_direction": "right",
        "sar:pixel_spacing_range": spacing_m,
        "sar:pixel_spacing_azimuth": spacing_m,
    }
    known = _RESOLUTIONS.get(("SM" if mode.startswith("S") else mode, resolution))
    if known is not None:
        names = (
            "resolution_range",
            "resolution_azimuth",
            "looks_range",
            "looks_azimuth",
            "looks_equivalent_number",
        )
        fields |= {f"sar:{name}": value for name, value in zip(names, known, strict=True)}
    return fields


def _describe_orbit(manifest: Metadata) -> dict[str, Any]:
    state = manifest.text("pass").lower()
    fields: dict[str, Any] = {
        "sat:platform_international_designator": manifest.text("nssdcIdentifier"),
        "sat:absolute_orbit": int(manifest.number("orbitNumber")),
        "sat:relative_orbit": int(manifest.number("relativeOrbitNumber")),
    }
    if state in ("ascending", "descending"):
        fields["sat:orbit_state"] = state
    if find_text(manifest.root, "ascendingNodeTime"):
        fields["sat:anx_datetime"] = manifest.time("ascendingNodeTime")
    return fields


def _describe_processing(manifest: Metadata) -> dict[str, Any]:
    """Return the provenance: the outermost processing step, who did it and with what."""
    fields: dict[str, Any] = {"processing:level": "L1"}
    step: Element | None = next(iter(manifest.all("processing")), None)
    if step is None:
        return fields
    for facility in find_all(step, "facility"):
        fields["processing:facility"] = facility.get("name", "")
        break
    for software in find_all(step, "software"):
        fields["processing:software"] = {software.get("name", ""): software.get("version", "")}
        break
    stopped = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?", step.get("stop", ""))
    return fields | ({"processing:datetime": f"{stopped[0]}Z"} if stopped else {})


def _describe_mission(manifest: Metadata, resolution: str) -> dict[str, Any]:
    tags = {
        "s1:instrument_configuration_ID": "instrumentConfigurationID",
        "s1:datatake_id": "missionDataTakeID",
        "s1:product_timeliness": "productTimelinessCategory",
        "s1:slice_number": "sliceNumber",
        "s1:total_slices": "totalSlices",
    }
    found = {name: find_text(manifest.root, tag) for name, tag in tags.items()}
    fields: dict[str, Any] = {name: text for name, text in found.items() if text is not None}
    if resolution:
        fields["s1:resolution"] = _CLASSES[resolution]
    return fields | {"s1:processing_level": "1"}
