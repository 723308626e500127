"""The stored data set: immutable, named by its content, sharded, streamed."""

from eocene.curate.dataset.layers import FEATURES, PIXEL_LABELS, Layer
from eocene.curate.dataset.store import Dataset
from eocene.curate.dataset.stream import Batch, Mixing, Stream
from eocene.curate.dataset.writer import DatasetWriter

__all__ = ["FEATURES", "PIXEL_LABELS", "Batch", "Dataset", "DatasetWriter", "Layer", "Mixing", "Stream"]
