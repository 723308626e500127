"""Processes on bands.

Source: openEO processes 2.0, categories filter and math > indices.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import InputError
from eocene.process.methods.dimensions import no_band
from eocene.process.methods.elementwise import combine, same_times
from eocene.process.processes.merging import merge
from eocene.process.registry import process
from eocene.process.types import Banded, Bands, Image, Raster, array_of

Wavelengths = Annotated[
    Any, array_of(array_of({"type": "number"}, minItems=2, maxItems=2, examples=[[[0.45, 0.5], [0.6, 0.7]]]))
]
BandName = Annotated[str, {"type": "string", "subtype": "band-name"}]
NewBand = Annotated[str | None, [{"type": "string", "pattern": r"^\w+$"}, {"type": "null"}]]


def bands_dimension(data: Block, code: str = "DimensionMissing") -> str:
    """Return the dimension of type bands.

    Raises
    ------
    InputError
        If there is none, or more than one.
    """
    found = data.dims_of("bands")
    if len(found) != 1:
        raise InputError(
            f"The cube has {len(found) or 'no'} dimension{'s' if found else ''} of type bands.",
            f"One is needed; its dimensions are {', '.join(data.dims)}.",
            code=code,
        )
    return found[0]


def find_bands(block: Block, wanted: list[str]) -> list[int]:
    """Return the positions of bands given by name or common name.

    Raises
    ------
    InputError
        Naming the bands there are.
    """
    names = block.labels[bands_dimension(block)]
    positions = []
    for name in wanted:
        found = _named(block, names, name)
        if not found:
            raise no_band(name, names, "The cube")
        positions.append(found[0])
    return positions


def _named(block: Block, names: tuple[Any, ...], name: str) -> list[int]:
    """Return the positions of a band's name, else of the bands of a common name."""
    if name in names:
        return [names.index(name)]
    return [i for i, n in enumerate(names) if block.common_names.get(n) == name]


@process("cubes", "filter", times=same_times)
def filter_bands(data: Banded, bands: Bands = (), wavelengths: Wavelengths = ()) -> Banded:
    """Keep the bands that match a name or a range of wavelengths, in the order of the criteria.

    A band that is named but not there is passed over.

    Parameters
    ----------
    data
        A cube with bands.
    bands
        Band names or common names.
    wavelengths
        Ranges in micrometres, both ends included; the central wavelength of a band counts.

    Raises
    ------
    BandFilterParameterMissing
        Neither bands nor wavelengths are given.
    DimensionMissing
        The cube has no dimension of type bands, or several.
    """
    if not bands and not wavelengths:
        raise InputError(
            "filter_bands got no criterion.",
            "Name at least one band, or give a range of wavelengths.",
            code="BandFilterParameterMissing",
        )
    dim = bands_dimension(data)
    if wavelengths and not data.wavelengths:
        raise InputError(
            "The wavelengths of the bands are not known.", "Name the bands.", code="ProcessParameterInvalid"
        )
    names = data.labels[dim]
    positions = [p for name in bands or () for p in _named(data, names, name)]
    for low, high in wavelengths:
        positions += [i for i, n in enumerate(names) if low <= data.wavelengths.get(n, np.nan) <= high]
    kept = list(dict.fromkeys(positions))
    return data if kept == list(range(len(names))) else data.take(dim, kept)


@process("cubes", "math > indices", "vegetation indices", times=same_times)
def ndvi(data: Image, nir: BandName = "nir", red: BandName = "red", target_band: NewBand = None) -> Raster:
    """Compute the Normalised Difference Vegetation Index, ``(nir - red) / (nir + red)``.

    Parameters
    ----------
    data
        A cube with bands.
    nir
        Name or common name of the near-infrared band.
    red
        Name or common name of the red band.
    target_band
        If given, the bands stay and the index joins them under this name; else the bands go.

    Raises
    ------
    DimensionAmbiguous
        The cube has no dimension of type bands, or several.
    NirBandAmbiguous
        There is no band of that name or common name for near-infrared.
    RedBandAmbiguous
        There is no band of that name or common name for red.
    BandExists
        The cube has a band named as the target.
    """
    dim = bands_dimension(data, "DimensionAmbiguous")
    found = []
    for name, code in ((nir, "NirBandAmbiguous"), (red, "RedBandAmbiguous")):
        try:
            found.append(data.pick(dim, find_bands(data, [name])[0]))
        except InputError as error:
            raise InputError(error.message, error.remedy, code=code) from error
    index: Block = combine(lambda n, r: np.true_divide(n - r, n + r), found)
    if target_band is None:
        return index
    if target_band in data.labels[dim]:
        raise InputError(
            f"There is already a band {target_band!r}.", "Choose another name.", code="BandExists"
        )
    place = data.index(dim)
    band = index.with_(
        values=np.expand_dims(index.values, place),
        valid=None if index.valid is None else np.expand_dims(index.valid, place),
        dims=data.dims,
        labels={**data.labels, dim: (target_band,)},
    )
    return merge(data, band)
