"""Small transformers over tokens: the dates of a series, the patches of a chip, those of each date of both.

Imported only when torch is wanted, by the functions that use it.

Source: He et al. 2022, "Masked autoencoders are scalable vision learners", doi:10.1109/CVPR52688.2022.01553;
Cong et al. 2022, "SatMAE", arXiv:2207.08051 (the patches of each date are hidden by themselves);
Vaswani et al. 2017, "Attention is all you need", arXiv:1706.03762.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from eocene.learn.networks.shape import Shape


class Block(nn.Module):
    """Attention between tokens, then two layers on each; both beside a shortcut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.before_layers = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor, there: Tensor) -> Tensor:
        """(n, k, width) → the same; ``there`` (n, k) is 0 for tokens that nobody may look at, else 1."""
        n, k, width = tokens.shape
        qkv = self.qkv(self.before_attention(tokens)).reshape(n, k, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        unseen = ((there - 1.0) * 1e4)[:, None, None, :]
        scores = query @ key.transpose(-2, -1) / math.sqrt(width // self.heads) + unseen
        seen = scores.softmax(-1) @ value
        tokens = tokens + self.project(seen.transpose(1, 2).reshape(n, k, width))
        hidden = functional.gelu(self.widen(self.before_layers(tokens)))
        changed: Tensor = tokens + self.narrow(hidden)
        return changed


class Encoder(nn.Module):
    """Samples → vectors: tokens with their places, blocks, the mean over the tokens that are there.

    Parameters
    ----------
    shape : Shape
        Of one sample: (t, bands) for series, (bands, y, x) for chips, (t, bands, y, x) for series of chips.
    patch : int
        Edge of a patch of chips in pixels, which divides y and x; 1 for series.
    width, depth, heads : int
        Numbers in a token, blocks, heads of attention.
    """

    places: Tensor

    def __init__(self, shape: Shape, patch: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.of_chips, self.patch, self.width = not shape.of_pixels, patch, width
        self.values = shape.bands * patch * patch
        self.register_buffer("places", _find_places(shape, patch, width), persistent=False)
        self.embed = nn.Linear(2 * self.values, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.last = nn.LayerNorm(width)

    def cut(self, samples: Tensor) -> Tensor:
        """(n, [t,] bands[, y, x]) → tokens (n, k, values): dates, or patches date by date and row by row."""
        if not self.of_chips:
            return samples
        *_, bands, rows, cols = samples.shape
        p = self.patch
        tiles = samples.reshape(-1, bands, rows // p, p, cols // p, p).permute(0, 2, 4, 1, 3, 5)
        return tiles.reshape(samples.shape[0], len(self.places), bands * p * p)

    def lift(self, values: Tensor, present: Tensor) -> Tensor:
        """Tokens as vectors with their places: (n, k, width)."""
        lifted: Tensor = self.embed(torch.cat([values, 1.0 - present], dim=-1)) + self.places
        return lifted

    def attend(self, tokens: Tensor, there: Tensor) -> Tensor:
        """Run the blocks: (n, k, width) → the same."""
        for block in self.blocks:
            tokens = block(tokens, there)
        normed: Tensor = self.last(tokens)
        return normed

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """(n, …) scaled values and what of them is there, 1 or 0 → (n, width)."""
        present = self.cut(present)
        there = present.amax(dim=-1)
        tokens = self.attend(self.lift(self.cut(values), present), there)
        return (tokens * there[..., None]).sum(1) / there.sum(1).clamp(min=1.0)[:, None]


class MaskedAutoencoder(nn.Module):
    """An encoder that sees some tokens of each sample, and a small decoder that guesses the others.

    Which tokens it sees is drawn from torch's generator, which the loop seeds for each step.

    Parameters
    ----------
    encoder : Encoder
    hidden : float
        Part of the tokens that is hidden.
    width : int
        Numbers in a token of the decoder, which has one block.
    """

    def __init__(self, encoder: Encoder, hidden: float, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.seen = max(1, round(len(encoder.places) * (1.0 - hidden)))
        self.narrow = nn.Linear(encoder.width, width)
        self.guess = nn.Parameter(torch.zeros(width))
        self.where = nn.Linear(encoder.width, width, bias=False)
        self.decode = Block(width, 4)
        self.answer = nn.Linear(width, encoder.values)

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Return the (n,) mean squared errors of what was hidden from samples."""
        encoder = self.encoder
        values, present = encoder.cut(values), encoder.cut(present)
        there = present.amax(dim=-1)
        # Tokens without any value come last, so that those that can teach something are seen.
        order = (torch.rand_like(there) - there).argsort(dim=1)
        seen = order[:, : self.seen]
        tokens = encoder.attend(_pick(encoder.lift(values, present), seen), there.gather(1, seen))
        places = self.where(encoder.places).expand(len(values), -1, -1)
        index = seen[..., None].expand(-1, -1, places.shape[-1])
        full = self.guess + places
        known = (self.narrow(tokens) + places.gather(1, index)).to(full.dtype)  # bfloat16 in mixed precision
        full = full.scatter(1, index, known)
        guessed = self.answer(self.decode(full, torch.ones_like(there)))
        hidden = torch.ones_like(there).scatter(1, seen, 0.0)[..., None] * present
        goal = _flatten_patches(values, present) if encoder.of_chips else values
        errors: Tensor = ((guessed - goal) ** 2 * hidden).sum((1, 2)) / hidden.sum((1, 2)).clamp(min=1.0)
        return errors


def _pick(tokens: Tensor, order: Tensor) -> Tensor:
    return tokens.gather(1, order[..., None].expand(-1, -1, tokens.shape[-1]))


def _flatten_patches(values: Tensor, present: Tensor) -> Tensor:
    """Give each patch mean 0 and deviation 1, so that texture counts as much as brightness."""
    count = present.sum(-1, keepdim=True).clamp(min=1.0)
    mean = (values * present).sum(-1, keepdim=True) / count
    variance = (((values - mean) * present) ** 2).sum(-1, keepdim=True) / count
    return (values - mean) / torch.sqrt(variance + 1e-4)


def _find_places(shape: Shape, patch: int, width: int) -> Tensor:
    """Return (k, width): waves of the day, periods from two weeks to years; for chips of row and column.

    Of a series of chips the sum of both.
    """
    days = _waves(torch.tensor(shape.days, dtype=torch.float32), width, 14.0, 5000.0)
    if shape.of_pixels:
        return days
    rows, cols = (size // patch for size in shape.sizes[-2:])
    down = _waves(torch.arange(rows, dtype=torch.float32), width // 2, 4.0, 400.0)
    across = _waves(torch.arange(cols, dtype=torch.float32), width // 2, 4.0, 400.0)
    patches = torch.cat([down.repeat_interleave(cols, 0), across.repeat(rows, 1)], dim=1)
    return (days[:, None] + patches).reshape(-1, width) if len(days) else patches


def _waves(at: Tensor, width: int, shortest: float, longest: float) -> Tensor:
    periods = torch.logspace(math.log10(shortest), math.log10(longest), width // 2)
    angles = 2 * math.pi * at[:, None] / periods
    return torch.cat([angles.sin(), angles.cos()], dim=1)
