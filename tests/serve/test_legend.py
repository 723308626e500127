"""Legends as images show the colours of the style."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from eocene.serve.colours import make_ramp
from eocene.serve.legend import describe_legend, paint_legend


def paint(style, title="Title"):
    return np.asarray(Image.open(io.BytesIO(paint_legend(title, describe_legend(style)))))


def test_a_bar_goes_from_the_first_colour_to_the_last():
    image = paint({"kind": "continuous", "min": -1, "max": 1, "colormap": "viridis"})
    ramp = make_ramp("viridis")
    row = next(line for line in image if (line[:, 3] == 255).sum() > 150)
    bar = row[row[:, 3] == 255][:, :3]
    assert (bar[0] == ramp[0]).all()
    assert (bar[-1] == ramp[-1]).all()


def test_every_class_has_its_colour_and_a_line():
    colours = ["#ff0000", "#00ff00", "#0000ff"]
    style = {"kind": "classes", "classes": [{"value": n, "color": c} for n, c in enumerate(colours)]}
    image = paint(style)
    pixels = {tuple(pixel) for pixel in image[..., :3].reshape(-1, 3).tolist()}
    assert {(255, 0, 0), (0, 255, 0), (0, 0, 255)} <= pixels
    assert image.shape[0] > paint(style | {"classes": style["classes"][:1]}).shape[0]


@pytest.mark.parametrize("title", ["", "Wärme – Ω 温度", "x" * 5000, "a\nb"])
def test_any_title_can_be_drawn(title):
    assert paint({"kind": "rgb", "bands": ["B04", "B03", "B02"]}, title).shape[2] == 4
