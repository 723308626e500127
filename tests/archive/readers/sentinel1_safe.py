"""Small Sentinel-1 GRD products, written as the product specification has them, and what is in them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint

from eocene.model.grid import transformer

if TYPE_CHECKING:
    from collections.abc import Sequence

SCENE = "S1A_IW_GRDH_1SDV_20240401T052623_20240401T052648_053269_067297_ECC8"
_IMAGE = "s1a-iw-grd-{}-20240401t052623-20240401t052648-053269-067297-00{}"
TABLES = {"sigmaNought": 300.0, "betaNought": 240.0, "gamma": 270.0, "dn": 237.0}


@dataclass(frozen=True)
class SmallProduct:
    """What a small product is to hold.

    ``noise`` is "azimuth" as products are since IPF 2.9, "range" as before, or "removed" by the processor.
    """

    shape: tuple[int, int] = (140, 180)
    polarisations: Sequence[str] = ("vv", "vh")
    noise: str = "azimuth"
    spacing: float = 10.0
    corner: tuple[float, float] = (510_000.0, 5_200_000.0)
    seed: int = 1
    epsg: int = 32632
    checksums: bool = True
    numbers: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        for polarisation in self.polarisations:
            pixels = rng.integers(40, 900, self.shape).astype(np.uint16)
            pixels[:, :5] = 0  # no data at the near edge, as real products have
            self.numbers[polarisation] = pixels

    @property
    def lines(self) -> np.ndarray:
        """Those of the geolocation grid."""
        return np.unique(np.r_[np.arange(0, self.shape[0] - 1, 47), self.shape[0] - 1])

    @property
    def samples(self) -> np.ndarray:
        """Those of the geolocation grid."""
        return np.unique(np.r_[np.arange(0, self.shape[1] - 1, 61), self.shape[1] - 1])

    def place(self, line: np.ndarray, sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the map coordinates of centres of samples: a descending pass, bent a little."""
        along, across = self.spacing * line, -self.spacing * sample
        east = self.corner[0] + 0.97 * across - 0.2 * along + 1e-5 * across * along
        north = self.corner[1] - 0.2 * across - 0.98 * along + 2e-6 * across**2
        return east, north

    def table(self, name: str) -> tuple[list[int], list[int], np.ndarray]:
        """Return lines, pixels and values of a calibration table, longer than the image."""
        height, width = self.shape
        lines, pixels = [-31, height // 3, height + 25], [*range(0, width - 1, 40), width - 1]
        line, pixel = np.meshgrid(lines, pixels, indexing="ij")
        return lines, pixels, TABLES[name] * (1 + 0.001 * pixel + 0.0005 * line)

    def noise_across(self) -> tuple[list[int], list[list[int]], list[np.ndarray]]:
        """Return lines, the pixels of each, for they differ, and the values of the noise table."""
        height, width = self.shape
        lines = [0, height // 2, height + 3]
        pixels = [[*range(0, width - 1, step), width - 1] for step in (20, 33, 50)]
        return lines, pixels, [900 - 2 * np.array(p) + 5.0 * n for n, p in enumerate(pixels)]

    def noise_along(self) -> list[tuple[tuple[int, int, int, int], list[int], np.ndarray]]:
        """Return first and last line, first and last sample, lines and factors of two swaths."""
        height, width = self.shape
        lines = [0, height // 4, height - 1]
        return [
            ((0, height - 1, 0, width // 2), lines, np.array([1.0, 1.3, 0.8])),
            ((0, height - 1, width // 2 + 1, width - 1), lines, np.array([0.9, 1.1, 1.2])),
        ]


def write_safe(folder: Path, product: SmallProduct | None = None) -> Path:
    """Write a product into a folder and return its SAFE folder."""
    product = product or SmallProduct()
    safe = folder / f"{SCENE}.SAFE"
    files: dict[str, bytes] = {}
    for number, polarisation in enumerate(product.polarisations, start=1):
        stem = _IMAGE.format(polarisation, number)
        files[f"annotation/{stem}.xml"] = write_annotation(product, polarisation)
        files[f"annotation/calibration/calibration-{stem}.xml"] = write_calibration(product)
        files[f"annotation/calibration/noise-{stem}.xml"] = write_noise(product)
        measurement = safe / "measurement" / f"{stem}.tiff"
        write_measurement(measurement, product, polarisation)
        files[f"measurement/{stem}.tiff"] = measurement.read_bytes()
    files["manifest.safe"] = write_manifest(product, files)
    for name, content in files.items():
        (safe / name).parent.mkdir(parents=True, exist_ok=True)
        (safe / name).write_bytes(content)
    return safe


def write_measurement(path: Path, product: SmallProduct, polarisation: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = product.numbers[polarisation]
    profile = {"driver": "GTiff", "height": pixels.shape[0], "width": pixels.shape[1], "count": 1}
    points = [
        GroundControlPoint(row=float(line), col=float(sample), x=lon, y=lat, z=0.0)
        for line, sample, lon, lat, _ in _points(product)
    ]
    options = {"dtype": "uint16", "blockysize": 1, "gcps": points, "crs": "EPSG:4326"}
    with rasterio.open(path, "w", **profile, **options) as dataset:
        dataset.write(pixels, 1)


def _points(product: SmallProduct) -> list[tuple[int, int, float, float, float]]:
    line, sample = (v.ravel() for v in np.meshgrid(product.lines, product.samples, indexing="ij"))
    lon, lat = transformer(product.epsg, 4326).transform(*product.place(line, sample))
    angle = 31 + 15 * sample / product.shape[1]
    return list(zip(line.tolist(), sample.tolist(), lon.tolist(), lat.tolist(), angle.tolist(), strict=True))


def write_annotation(product: SmallProduct, polarisation: str) -> bytes:
    points = "".join(
        f"<geolocationGridPoint><line>{line}</line><pixel>{pixel}</pixel><latitude>{lat!r}</latitude>"
        f"<longitude>{lon!r}</longitude><height>0</height><incidenceAngle>{angle!r}</incidenceAngle>"
        "</geolocationGridPoint>\n"
        for line, pixel, lon, lat, angle in _points(product)
    )
    height, width = product.shape
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<product><adsHeader><missionId>S1A</missionId><polarisation>{polarisation.upper()}</polarisation></adsHeader>
<generalAnnotation><productInformation><projection>Ground Range</projection></productInformation>
</generalAnnotation>
<imageAnnotation><imageInformation>
<rangePixelSpacing>{product.spacing}</rangePixelSpacing><azimuthPixelSpacing>{product.spacing}</azimuthPixelSpacing>
<numberOfSamples>{width}</numberOfSamples>
<numberOfLines>{height}</numberOfLines>
<incidenceAngleMidSwath>38.5</incidenceAngleMidSwath>
</imageInformation><processingInformation>
<thermalNoiseCorrectionPerformed>{str(product.noise == "removed").lower()}</thermalNoiseCorrectionPerformed>
</processingInformation></imageAnnotation>
<geolocationGrid><geolocationGridPointList>
{points}</geolocationGridPointList></geolocationGrid></product>
""".encode()


def _list(tag: str, values: Sequence[float] | np.ndarray) -> str:
    text = " ".join(map(repr, np.asarray(values).tolist()))
    return f'<{tag} count="{len(values)}">{text}</{tag}>'


def write_calibration(product: SmallProduct) -> bytes:
    lines, pixels, _ = product.table("gamma")
    vectors = "".join(
        f"<calibrationVector><line>{line}</line>{_list('pixel', pixels)}"
        + "".join(_list(name, product.table(name)[2][n]) for name in TABLES)
        + "</calibrationVector>\n"
        for n, line in enumerate(lines)
    )
    return f'<?xml version="1.0"?>\n<calibration>{vectors}</calibration>'.encode()


def write_noise(product: SmallProduct) -> bytes:
    vector, table = (
        ("noiseVector", "noiseLut") if product.noise == "range" else ("noiseRangeVector", "noiseRangeLut")
    )
    text = "".join(
        f"<{vector}><line>{line}</line>{_list('pixel', pixels)}{_list(table, values)}</{vector}>\n"
        for line, pixels, values in zip(*product.noise_across(), strict=True)
    )
    if product.noise != "range":
        names = ("firstAzimuthLine", "lastAzimuthLine", "firstRangeSample", "lastRangeSample")
        text += "".join(
            "<noiseAzimuthVector><swath>IW1</swath>"
            + "".join(f"<{name}>{value}</{name}>" for name, value in zip(names, reach, strict=True))
            + f"{_list('line', lines)}{_list('noiseAzimuthLut', factors)}</noiseAzimuthVector>\n"
            for reach, lines, factors in product.noise_along()
        )
    return f'<?xml version="1.0"?>\n<noise>{text}</noise>'.encode()


def write_manifest(product: SmallProduct, files: dict[str, bytes]) -> bytes:
    def checksum(content: bytes) -> str:
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return f'<checksum checksumName="MD5">{md5}</checksum>' if product.checksums else ""

    objects = "".join(
        f'<dataObject ID="{Path(name).stem}"><byteStream mimeType="text/xml" size="{len(content)}">'
        f'<fileLocation locatorType="URL" href="./{name}"/>{checksum(content)}</byteStream></dataObject>\n'
        for name, content in files.items()
    )
    sent = "".join(
        f"<s1:transmitterReceiverPolarisation>{p.upper()}</s1:transmitterReceiverPolarisation>"
        for p in product.polarisations
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" xmlns:s1="urn:s1"
 xmlns:safe="http://www.esa.int/safe/sentinel-1.0">
<metadataSection>
<safe:processing name="GRD Post Processing" start="2024-04-01T06:46:21" stop="2024-04-01T07:03:17.000000">
<safe:facility name="A facility"><safe:software name="Sentinel-1 IPF" version="003.71"/></safe:facility>
</safe:processing>
<safe:platform><safe:nssdcIdentifier>2014-016A</safe:nssdcIdentifier><safe:familyName>SENTINEL-1</safe:familyName>
<safe:number>A</safe:number><s1:mode>IW</s1:mode></safe:platform>
<safe:orbitReference><safe:orbitNumber type="start">53269</safe:orbitNumber>
<safe:relativeOrbitNumber type="start">168</safe:relativeOrbitNumber>
<s1:pass>DESCENDING</s1:pass></safe:orbitReference>
{sent}<s1:productType>GRD</s1:productType><s1:missionDataTakeID>205463</s1:missionDataTakeID>
<safe:startTime>2024-04-01T05:26:23.794457</safe:startTime>
<safe:stopTime>2024-04-01T05:26:48.793373</safe:stopTime>
</metadataSection>
<dataObjectSection>
{objects}</dataObjectSection>
</xfdu:XFDU>
""".encode()
