"""How busy training from a chip store keeps a GPU, and how long a whole scene takes on it.

    python benchmarks/gpu.py [--chips 8000] [--edge 256] [--batch 64] [--workers 8] [--scene 10980]
        [--processor]

Writes a store of made chips (four bands of uint16 and the classes of their pixels) and trains a U-Net and a
masked autoencoder from it, in mixed precision and in float32. ``busy`` is the mean of what nvidia-smi tells
while it trains: the share of time in which a kernel runs. ``of_memory`` compares with the same batches out of
memory: at 1 the store holds up nothing. Then the U-Net answers for every pixel of a scene, tile by tile with
a halo. Where there is no GPU that is said, and nothing is measured; ``--processor`` runs the same on the
processor, to see that it runs. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from eocene.curate import Dataset, DatasetWriter, Layer
from eocene.curate.dataset import PIXEL_LABELS
from eocene.learn import ModelSpec
from eocene.learn.networks.frame import Frame
from eocene.learn.networks.shape import describe_shape
from eocene.learn.networks.u_net import build
from eocene.learn.pretraining.masked import Reconstruction, make_encoder
from eocene.learn.pretraining.networks import MaskedAutoencoder
from eocene.learn.pretraining.settings import PretrainingSettings
from eocene.learn.training.answers import Answers
from eocene.learn.training.loop import Lesson, find_device, mixed_precision, teach
from eocene.learn.training.loss import Loss
from eocene.learn.training.stored import StoredSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.learn.training.batches import Batch, Source

BANDS, CLASSES, HALO, SEED = ("B02", "B03", "B04", "B08"), 6, 64, 0
WARM_UP = 8
"""Batches before the clock runs: kernels are chosen and memory is taken."""


class InFloat32(nn.Module):
    """A network that is not computed in mixed precision."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            answer: Tensor = self.network(features)
        return answer


@dataclass(frozen=True)
class HeldSource:
    """The same batches again and again, out of memory."""

    held: list[Batch]
    steps: int

    def batches(self, epoch: int, start: int) -> Iterator[Batch]:
        for number in range(start, self.steps):
            yield self.held[number % len(self.held)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", type=int, default=8000)
    parser.add_argument("--edge", type=int, default=256)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--scene", type=int, default=10_980)
    parser.add_argument("--processor", action="store_true")
    told = parser.parse_args()
    if not torch.cuda.is_available() and not told.processor:
        print(json.dumps({"device": "no GPU"}))
        return
    device = find_device()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU: on the processor"
    with tempfile.TemporaryDirectory() as folder:
        dataset = write_store(Path(folder), told.chips, told.edge)
        figures = {
            "device": name,
            "u_net": compare(dataset, told, plan_u_net),
            "masked_autoencoder": compare(dataset, told, plan_autoencoder),
            "scene": time_scene(told.scene, min(1024, told.scene)),
        }
    print(json.dumps(figures))


def make_texture(edge: int = 2048) -> np.ndarray:
    """Return (4, edge, edge) int16: noise whose spectrum falls as that of landscapes does."""
    noise = np.random.default_rng(SEED).normal(size=(len(BANDS), edge, edge))
    frequency = np.hypot(np.fft.fftfreq(edge)[:, None], np.fft.rfftfreq(edge)[None])
    field = np.fft.irfft2(np.fft.rfft2(noise) / np.maximum(frequency, 1 / edge) ** 1.2)
    scaled = field / field.std((1, 2), keepdims=True) * 400 + 2000
    return scaled.clip(1, 9000).astype(np.int16)


def write_store(folder: Path, count: int, edge: int) -> Dataset:
    """Write windows of the texture as a chip store, with classes of pixels by the first and last band."""
    texture, pixels = make_texture(), tuple(map(str, range(edge)))
    layers = {
        "features": Layer({"bands": BANDS, "y": pixels, "x": pixels}, "uint16", nodata=0),
        PIXEL_LABELS: Layer({"y": pixels, "x": pixels}, "int16", nodata=-1),
    }
    corners = np.random.default_rng(SEED + 1).integers(0, texture.shape[-1] - edge + 1, (count, 2))
    with DatasetWriter(folder, layers, epsg=32631, name="chips", seed=SEED) as writer:
        for part in np.array_split(corners, -(-count // 256)):
            chips = np.stack([texture[:, y : y + edge, x : x + edge] for y, x in part])
            classes = np.clip((chips[:, 3] - chips[:, 0]) // 200 + CLASSES // 2, 0, CLASSES - 1)
            x, y = 600_000 + 10.0 * part[:, 1], 5_700_000 - 10.0 * part[:, 0]
            writer.append({"features": chips, PIXEL_LABELS: classes}, classes[:, 0, 0].astype(int), x, y)
        return Dataset.open(writer.finish())


def plan_u_net(dataset: Dataset, told: argparse.Namespace) -> tuple[nn.Module, Lesson]:
    answers = Answers(dataset, np.arange(len(dataset)), PIXEL_LABELS)
    options = ModelSpec("u_net", settings={"epochs": 1, "batch_size": told.batch, "width": 32}).options
    axes, classes = dataset.layers["features"].axes, len(answers.classes)
    shape = describe_shape(axes, classes, per_pixel=True)
    source = make_source(dataset, answers, told, ("features", PIXEL_LABELS))
    network = frame(build(options, shape), shape)
    return network, Lesson(source, Loss(np.ones(classes, np.float32)), options, SEED)


def plan_autoencoder(dataset: Dataset, told: argparse.Namespace) -> tuple[nn.Module, Lesson]:
    answers = Answers(dataset, np.arange(len(dataset)), None)
    options = PretrainingSettings(
        epochs=1, batch_size=told.batch, width=384, depth=6, heads=8, patch=min(16, told.edge // 4)
    )
    shape = describe_shape(dataset.layers["features"].axes, options.width)
    source = make_source(dataset, answers, told, ("features",))
    model = MaskedAutoencoder(make_encoder(shape, options), options.hidden, options.decoder_width)
    loss = Reconstruction(np.ones(len(answers.classes), np.float32))
    return frame(model, shape), Lesson(source, loss, options, SEED)


def make_source(
    dataset: Dataset, answers: Answers, told: argparse.Namespace, layers: tuple[str, ...]
) -> StoredSource:
    rows, ones = np.arange(len(dataset)), np.ones(len(dataset), np.float32)
    return StoredSource(dataset, rows, answers, layers, ones, told.batch, SEED, told.workers)


def frame(core: nn.Module, shape: Any) -> nn.Module:
    band = torch.ones(len(BANDS), 1, 1)
    return Frame(core, shape, 2000 * band, 400 * band)


def compare(dataset: Dataset, told: argparse.Namespace, plan: Any) -> dict[str, Any]:
    """Return samples a second and how busy the GPU is, in both precisions."""
    figures: dict[str, Any] = {}
    for precision in ("mixed", "float32"):
        network, lesson = plan(dataset, told)
        network = network if precision == "mixed" else InFloat32(network)
        held = list(islice(lesson.source.batches(0, 0), WARM_UP))
        time_epoch(network, lesson, HeldSource(held, WARM_UP))
        seconds, busy = time_epoch(network, lesson, lesson.source)
        memory, _ = time_epoch(network, lesson, HeldSource(held, lesson.source.steps))
        figures[precision] = {
            "samples_per_second": round(len(dataset) / seconds, 1),
            "busy": busy,
            "of_memory": round(memory / seconds, 3),
        }
    speeds = [figures[each]["samples_per_second"] for each in ("mixed", "float32")]
    return {**figures, "mixed_over_float32": round(speeds[0] / speeds[1], 2)}


def time_epoch(network: nn.Module, lesson: Lesson, source: Source) -> tuple[float, float | None]:
    """Return the seconds of an epoch, which ends with a number that is waited for, and how busy it was."""
    own = Lesson(source, lesson.loss, lesson.options, lesson.seed)
    with watch_gpu() as seen:
        begun = time.perf_counter()
        teach(network, own)
        seconds = time.perf_counter() - begun
    return seconds, round(mean(seen) / 100, 3) if seen else None


@contextmanager
def watch_gpu() -> Iterator[list[float]]:
    """Let nvidia-smi tell five times a second in how much of the time a kernel ran; in per cent."""
    program, seen = shutil.which("nvidia-smi"), []
    if program is None or not torch.cuda.is_available():
        yield seen
        return
    asked = ["--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop-ms=200"]
    number = f"--id={torch.cuda.current_device()}"
    process = subprocess.Popen([program, number, *asked], stdout=subprocess.PIPE, text=True)
    try:
        yield seen
    finally:
        process.terminate()
        lines = process.communicate()[0].split()
        seen += [float(line) for line in lines if line.isdigit()][1:]


def time_scene(size: int, tile: int) -> dict[str, Any]:
    """Return the seconds of a U-Net's passes over a scene, uploaded and its classes brought back."""
    device, texture = find_device(), make_texture(1024)
    options = ModelSpec("u_net", settings={"width": 32}).options
    pixels = tuple(map(str, range(256)))
    shape = describe_shape({"bands": BANDS, "y": pixels, "x": pixels}, CLASSES, per_pixel=True)
    network = frame(build(options, shape), shape).to(device).eval()
    repeats = -(-(size + 2 * HALO) // texture.shape[-1])
    scene = np.tile(texture, (1, repeats, repeats))[:, : size + 2 * HALO, : size + 2 * HALO]
    figures: dict[str, Any] = {"size": size}
    for name, used in (("mixed", network), ("float32", InFloat32(network))):
        predict(used, scene[:, : tile + 2 * HALO, : tile + 2 * HALO], tile, device)
        begun = time.perf_counter()
        classes = predict(used, scene, tile, device)
        seconds = time.perf_counter() - begun
        rate = round(classes.size / 1e6 / seconds, 2)
        figures[name] = {"seconds": round(seconds, 2), "megapixels_per_second": rate}
    return figures


def predict(network: nn.Module, scene: np.ndarray, tile: int, device: torch.device) -> np.ndarray:
    """Return the class (y, x) uint8 of each pixel of a scene (bands, y, x) inside its halo."""
    height, width = (length - 2 * HALO for length in scene.shape[1:])
    answer = np.empty((height, width), np.uint8)
    with torch.no_grad(), mixed_precision(device):
        for top in range(0, height, tile):
            for left in range(0, width, tile):
                # The last tiles are moved back inside, so that all are of one size.
                y, x = min(top, height - tile), min(left, width - tile)
                window = np.ascontiguousarray(scene[:, y : y + tile + 2 * HALO, x : x + tile + 2 * HALO])
                scores = network(torch.from_numpy(window).to(device).float()[None])
                inner = scores[0, :, HALO : HALO + tile, HALO : HALO + tile].argmax(0)
                answer[y : y + tile, x : x + tile] = inner.to(torch.uint8).cpu().numpy()
    return answer


if __name__ == "__main__":
    main()
