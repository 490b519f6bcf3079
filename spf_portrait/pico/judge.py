"""The judge of pico portraits: which value does each axis take in a picture?"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from spf_portrait.contract.errors import ModelError
from spf_portrait.pico.domain import AXES
from spf_portrait.untyped import safetensors_torch

JUDGE_FILE = "judge/model.safetensors"


class Judge(nn.Module):
    """Five strided convolutions, then one linear head per axis. Images in [−1, 1], [batch, 3, 128, 128]."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 24, 48, 72, 96, 128)
        pairs = itertools.pairwise(widths)
        self.body = nn.Sequential(*(_block(narrow, wide) for narrow, wide in pairs), nn.Flatten())
        self.heads = nn.ModuleDict({axis.name: nn.Linear(128 * 4 * 4, len(axis.values)) for axis in AXES})

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Logits of each axis: axis name → [batch, values of the axis]."""
        features = self.body(images)
        return {name: head(features) for name, head in self.heads.items()}

    @torch.no_grad()
    def attributes(self, images: Sequence[Image.Image]) -> list[dict[str, str]]:
        """What the judge sees in each picture: one value per axis, hidden axes guessed."""
        logits = self(torch.stack([_tensor(image) for image in images]))
        names = {axis.name: [value.name for value in axis.values] for axis in AXES}
        best = {axis: scores.argmax(dim=-1).tolist() for axis, scores in logits.items()}
        return [{axis: names[axis][best[axis][row]] for axis in names} for row in range(len(images))]


def load_judge(base: Path) -> Judge:
    """Load the judge that is shipped with pico.

    Raises:
        ModelError: The file is not there.
    """
    path = base / JUDGE_FILE
    if not path.exists():
        raise ModelError(
            "judge_missing", f"no {JUDGE_FILE} in {base.name}", "a pico base with its judge", "Use the base 'pico'."
        )
    judge = Judge()
    judge.load_state_dict({name: tensor.float() for name, tensor in safetensors_torch.load_file(path).items()})
    return judge.eval()


def _block(narrow: int, wide: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(narrow, wide, 3, stride=2, padding=1),
        nn.GroupNorm(8, wide),
        nn.SiLU(),
        nn.Conv2d(wide, wide, 3, padding=1),
        nn.GroupNorm(8, wide),
        nn.SiLU(),
    )


def _tensor(image: Image.Image) -> Tensor:
    array = np.asarray(image.convert("RGB").resize((128, 128)), dtype=np.float32)
    return torch.from_numpy(array).permute(2, 0, 1) / 127.5 - 1
