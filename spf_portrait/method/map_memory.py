"""What the control map carries from step to step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from spf_portrait.method.control_map import SCALE_BUCKETS


@dataclass
class MapMemory:
    """The running maximum, and where each portrait's paths have differed so far.

    Attributes:
        scale: Running maximum of the noise difference, [SCALE_BUCKETS].
        means: Mean scaled difference of every portrait over the timesteps it was seen at, [portraits, height, width].
        visits: How often it was seen, [portraits].
    """

    scale: Tensor = field(default_factory=lambda: torch.zeros(SCALE_BUCKETS))
    means: Tensor = field(default_factory=lambda: torch.zeros(0, 0, 0))
    visits: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))

    @classmethod
    def of(cls, portraits: int, side: int, device: torch.device) -> Self:
        """An empty memory of so many portraits whose latents are `side` cells wide and high."""
        means = torch.zeros(portraits, side, side, device=device)
        return cls(means=means, visits=torch.zeros(portraits, dtype=torch.long))

    def average(self, portraits: Tensor, differences: Tensor, counted: Tensor, most: int) -> Tensor:
        """Take in a step's differences, and give the portraits' means as they are then.

        Args:
            portraits: Indices, [batch].
            differences: Scaled, [batch, height, width].
            counted: Which of them are taken in, [batch] of booleans.
            most: Visits after which older ones begin to fade.
        """
        for portrait, difference in zip(portraits[counted].cpu(), differences[counted], strict=True):
            self.visits[portrait] += 1
            share = 1 / min(int(self.visits[portrait]), most)
            self.means[portrait] += share * (difference - self.means[portrait])
        return self.means[portraits]

    def tensors(self) -> dict[str, Tensor]:
        """All of it by name, for a checkpoint."""
        return {"map.scale": self.scale, "map.means": self.means, "map.visits": self.visits}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Become what it was when `tensors` was asked."""
        self.scale = tensors["map.scale"].to(self.means.device)
        self.means = tensors["map.means"].to(self.means.device)
        self.visits = tensors["map.visits"]
