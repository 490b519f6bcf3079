"""The judge of pico portraits: which value does each axis take in a picture?"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from spf_portrait.pico.domain import AXES
from spf_portrait.pico.judge_network import as_tensor, convolutions, with_weights

JUDGE_FILE = "judge/model.safetensors"


class Judge(nn.Module):
    """Five strided convolutions, then one linear head per axis. Images in [−1, 1], [batch, 3, 128, 128]."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 24, 48, 72, 96, 128)
        pairs = itertools.pairwise(widths)
        self.body = nn.Sequential(*(convolutions(narrow, wide, stride=2) for narrow, wide in pairs), nn.Flatten())
        self.heads = nn.ModuleDict({axis.name: nn.Linear(128 * 4 * 4, len(axis.values)) for axis in AXES})

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Logits of each axis: axis name → [batch, values of the axis]."""
        features = self.body(images)
        return {name: head(features) for name, head in self.heads.items()}

    @torch.no_grad()
    def attributes(self, images: Sequence[Image.Image]) -> list[dict[str, str]]:
        """What the judge sees in each picture: one value per axis, hidden axes guessed."""
        logits = self(as_tensor(images))
        names = {axis.name: [value.name for value in axis.values] for axis in AXES}
        best = {axis: scores.argmax(dim=-1).tolist() for axis, scores in logits.items()}
        return [{axis: names[axis][best[axis][row]] for axis in names} for row in range(len(images))]


def load_judge(base: Path) -> Judge:
    """Load the judge that is shipped with pico.

    Raises:
        ModelError: The file is not there.
    """
    return with_weights(Judge(), base, JUDGE_FILE)
