"""What a denoising network is told about a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class TextEmbedding:
    """Texts as a family's network reads them, one row a text.

    Attributes:
        states: What cross-attention attends to, [rows, tokens, width].
        pooled: One vector for the whole text, [rows, width]; Stable Diffusion 1.x and 2.x do not look at it.
    """

    states: Tensor
    pooled: Tensor

    def __len__(self) -> int:
        return len(self.states)

    def __getitem__(self, rows: Tensor) -> Self:
        """Some of the rows, in that order."""
        return type(self)(self.states[rows], self.pooled[rows])

    def expand(self, rows: int) -> Self:
        """A single row seen `rows` times; no copy."""
        return type(self)(self.states.expand(rows, -1, -1), self.pooled.expand(rows, -1))

    def to(self, target: torch.dtype | torch.device, *, non_blocking: bool = False) -> Self:
        """The same in another precision or on another device, as of a tensor."""
        states, pooled = (one.to(target, non_blocking=non_blocking) for one in (self.states, self.pooled))
        return type(self)(states, pooled)

    def pin_memory(self) -> Self:
        """The same in memory that a GPU copies from on its own, as of a tensor."""
        return type(self)(self.states.pin_memory(), self.pooled.pin_memory())


def stacked(embeddings: Sequence[TextEmbedding]) -> TextEmbedding:
    """The rows of several, one after the other."""
    states, pooled = ([getattr(one, name) for one in embeddings] for name in ("states", "pooled"))
    return TextEmbedding(torch.cat(states), torch.cat(pooled))
