"""Embeddings: vectors that stand for pixels, chips and cells, and an index that finds what is alike."""

from eocene.learn.embed.encoder import Encoder, VectorSignature, adapt_onnx, embed_samples
from eocene.learn.embed.encoders import EncoderStore
from eocene.learn.embed.examples import ask_by_class, ask_by_examples, ask_by_labels
from eocene.learn.embed.index import Hit, VectorIndex
from eocene.learn.embed.store import VectorStore
from eocene.learn.embed.vectors import Embeddings

__all__ = [
    "Embeddings",
    "Encoder",
    "EncoderStore",
    "Hit",
    "VectorIndex",
    "VectorSignature",
    "VectorStore",
    "adapt_onnx",
    "ask_by_class",
    "ask_by_examples",
    "ask_by_labels",
    "embed_samples",
]
