"""The identity network of pico portraits: the same person lies in one place, whatever else the picture shows."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from spf_portrait.pico.judge_network import as_tensor, convolutions, with_weights

IDENTITY_FILE: Final = "judge/identity.safetensors"
EMBEDDING_WIDTH: Final = 64
_WIDTHS: Final = (3, 24, 40, 64, 80, 96)
"""Channels at 128, 64, 32, 16, 8 and 4 pixels."""


class Identity(nn.Module):
    """Five strided convolutions and a linear layer, 0.4 M parameters. Images in [−1, 1], [batch, 3, 128, 128]."""

    def __init__(self) -> None:
        super().__init__()
        deeper = [convolutions(narrow, wide, stride=2) for narrow, wide in itertools.pairwise(_WIDTHS)]
        self.body = nn.Sequential(*deeper, nn.Flatten())
        self.to_embedding = nn.Linear(_WIDTHS[-1] * 4 * 4, EMBEDDING_WIDTH)

    def forward(self, images: Tensor) -> Tensor:
        """Unit embeddings [batch, 64]; the cosine of two tells how alike the persons are (see `pico.person`)."""
        return F.normalize(self.to_embedding(self.body(images)).float(), dim=-1)

    @torch.no_grad()
    def embed(self, images: Sequence[Image.Image]) -> Tensor:
        """Unit embeddings of pictures of any size: [count, 64]."""
        return torch.cat([self(as_tensor([image])) for image in images])


def load_identity(base: Path) -> Identity:
    """Load the identity network that is shipped with pico.

    Raises:
        ModelError: The file is not there.
    """
    return with_weights(Identity(), base, IDENTITY_FILE)
