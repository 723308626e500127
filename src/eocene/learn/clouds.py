"""Clouds in Sentinel-2 images, by the model of the package s2cloudless.

The package brings its model as a LightGBM text file, which LightGBM reads by itself: nothing is
unpickled. The package's own code is not imported, since that would take OpenCV and sentinelhub, so it
may be installed with ``pip install --no-deps s2cloudless``. Package and model are under CC BY-SA 4.0.

The package's masks, which average and dilate the probabilities over neighbours, are left to graphs:
apply_kernel on the result, with a footprint that the graph states.

Source: openEO processes 2.0 (proposals), category optical; https://github.com/sentinel-hub/sentinel2-cloud-detector
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from eocene.model import InputError, UnavailableError
from eocene.process.methods.elementwise import same_times
from eocene.process.processes.bands import bands_dimension, find_bands
from eocene.process.registry import process
from eocene.process.types import Image

if TYPE_CHECKING:
    from lightgbm import Booster
    from numpy.typing import NDArray

    from eocene.cube.block import Block

BANDS = {
    "B01": "coastal",
    "B02": "blue",
    "B04": "red",
    "B05": "rededge071",
    "B08": "nir",
    "B8A": "nir08",
    "B09": "nir09",
    "B10": "cirrus",
    "B11": "swir16",
    "B12": "swir22",
}
"""The bands of the model's columns, in their order, with their common names."""

CLOUD = "cloud"
METHOD = "s2cloudless"
_MODEL = "models/pixel_s2_cloud_detector_lightGBM_v0.1.txt"

Method = Annotated[
    str | None, [{"type": "string", "enum": ["Fmask", "s2cloudless", "Sen2Cor"]}, {"type": "null"}]
]
Options = Annotated[Any, {"type": "object", "additionalProperties": False}]
NO_OPTIONS: dict[str, Any] = {}


def cloud_detection(data: Image, method: Method, options: Options = NO_OPTIONS) -> Image:
    """Estimate how probably each pixel of Sentinel-2 images is cloud.

    Each pixel is judged by itself on each date, by the model of s2cloudless. It wants reflectances at
    the top of the atmosphere, as Sentinel-2 Level-1C has them; Level-2A lacks the band B10.

    Parameters
    ----------
    data
        A cube of reflectances from 0 to 1 with the bands B01, B02, B04, B05, B08, B8A, B09, B10, B11
        and B12, found by these names or by their common names. Other bands are not used.
    method
        "s2cloudless", which null means too. No other method is offered.
    options
        None: s2cloudless takes no options here.

    Returns
    -------
    Image
        The cube with the band "cloud" alone: a probability from 0 to 1, float32; no data where one of
        the ten bands has none.
    """
    _check_choice(method, options)
    dim = bands_dimension(data)
    positions = _find_inputs(data, dim)
    _check_reflectances(data)
    axis = data.index(dim)
    inputs = data.take(dim, positions)
    pixels = np.moveaxis(inputs.values, axis, -1)
    present = np.isfinite(pixels).all(axis=-1)
    if inputs.valid is not None:
        present &= inputs.valid.all(axis=axis)
    probability = np.zeros(present.shape, np.float32)
    if present.any():  # the one pixel that a plan is checked by loads no model
        probability[present] = _estimate(pixels[present])
    return data.with_(
        values=np.expand_dims(probability, axis),
        valid=np.expand_dims(present, axis),
        labels={**data.labels, dim: (CLOUD,)},
        common_names={},
        wavelengths={},
    )


def find_model() -> Path | None:
    """Return the file of the model; None unless the packages s2cloudless and lightgbm are installed."""
    package = find_spec(METHOD)
    if package is None or find_spec("lightgbm") is None:
        return None
    files = (Path(folder) / _MODEL for folder in package.submodule_search_locations or ())
    return next((file for file in files if file.is_file()), None)


def offer() -> None:
    """Put the process on the list where its model is installed."""
    if find_model() is not None:
        process("cubes", "optical", times=same_times, experimental=True)(cloud_detection)


def _estimate(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probability of (n, 10) reflectances; a row's does not depend on those beside it."""
    # The engine runs blocks side by side; one thread a block is enough.
    answer = _load_model().predict(rows.astype(np.float32, copy=False), num_threads=1)
    return np.asarray(answer, np.float64)


@lru_cache(maxsize=1)
def _load_model() -> Booster:
    try:
        from lightgbm import Booster
    except (ImportError, OSError) as error:
        raise UnavailableError(
            f"LightGBM, which runs s2cloudless, cannot be loaded: {error}.",
            'Install it with pip install "eocene[clouds]", and the OpenMP library libgomp of the system.',
        ) from error
    return Booster(model_file=str(find_model()))


def _find_inputs(data: Block, dim: str) -> list[int]:
    """Return the positions of the model's bands, in the order of its columns."""
    positions, missing = [], []
    for name, common_name in BANDS.items():
        try:
            positions += find_bands(data, [name if name in data.labels[dim] else common_name])
        except InputError:
            missing.append(f"{name} ({common_name})")
    if missing:
        raise InputError(
            f"s2cloudless needs bands that the cube lacks: {', '.join(missing)}. "
            f"It has {', '.join(map(str, data.labels[dim]))}.",
            "Load all ten of a Sentinel-2 Level-1C collection; Level-2A has no B10.",
            code="BandNotAvailable",
        )
    return positions


def _check_reflectances(data: Block) -> None:
    if data.values.dtype.kind != "f":
        raise InputError(
            f"The cube holds {data.values.dtype}, not reflectances from 0 to 1.",
            "Turn the stored numbers into reflectances first, by the scale and offset of the product.",
            code="ProcessParameterInvalid",
        )


def _check_choice(method: Any, options: Any) -> None:
    if method not in (None, METHOD):
        raise InputError(
            f"The method {method!r} is not offered.",
            f'Give "{METHOD}", or null.',
            code="ProcessParameterInvalid",
        )
    if options:
        raise InputError(
            f"{METHOD} takes no options; these were given: {', '.join(map(str, options))}.",
            "Leave options out.",
            code="ProcessParameterInvalid",
        )
