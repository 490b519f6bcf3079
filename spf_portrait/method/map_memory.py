"""What the control map carries from step to step."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from spf_portrait.method.control_map import SCALE_BUCKETS


@dataclass
class MapMemory:
    """The running maximum, and where each portrait's target answers.

    Attributes:
        scale: Running maximum of the noise difference, [SCALE_BUCKETS].
        surveyed: D of every portrait as a survey found it, [portraits, height, width]; None before, or without one.
        pictures: The same of the original model's pictures, where the target would come.
    """

    scale: Tensor = field(default_factory=lambda: torch.zeros(SCALE_BUCKETS))
    surveyed: Tensor | None = None
    pictures: Tensor | None = None

    def tensors(self) -> dict[str, Tensor]:
        """All of it by name, for a checkpoint."""
        found = {"map.surveyed": self.surveyed, "map.pictures": self.pictures}
        return {"map.scale": self.scale, **{name: tensor for name, tensor in found.items() if tensor is not None}}

    def restore(self, tensors: Mapping[str, Tensor], device: torch.device) -> None:
        """Become what it was when `tensors` was asked."""
        self.scale = tensors["map.scale"].to(device)
        surveyed, pictures = tensors.get("map.surveyed"), tensors.get("map.pictures")
        self.surveyed = None if surveyed is None else surveyed.to(device)
        self.pictures = None if pictures is None else pictures.to(device)
