"""The parser of pico portraits: which part of the portrait covers each pixel of a picture?"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from spf_portrait.pico.judge_network import as_tensor, convolutions, with_weights
from spf_portrait.pico.parsing import Part

PARSER_FILE: Final = "judge/parser.safetensors"
_WIDTHS: Final = (16, 32, 64, 96, 128)
"""Channels at 128, 64, 32, 16 and 8 pixels."""


class Parser(nn.Module):
    """A U of convolutions, 0.9 M parameters. Images in [−1, 1], [batch, 3, 128, 128]."""

    def __init__(self) -> None:
        super().__init__()
        deeper = [convolutions(narrow, wide, stride=2) for narrow, wide in itertools.pairwise(_WIDTHS)]
        self.down = nn.ModuleList([convolutions(3, _WIDTHS[0], stride=1), *deeper])
        upwards = [convolutions(deep + skip, skip, stride=1) for skip, deep in itertools.pairwise(_WIDTHS)]
        self.up = nn.ModuleList(reversed(upwards))
        self.head = nn.Conv2d(_WIDTHS[0], len(Part), 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of each part: [batch, 9, 128, 128]."""
        features = images
        skips: list[Tensor] = []
        for block in self.down:
            features = block(features)
            skips.append(features)
        for block, skip in zip(self.up, skips[-2::-1], strict=True):
            wider = F.interpolate(features, scale_factor=2.0, mode="nearest")
            features = block(torch.cat([wider, skip], dim=1))
        return self.head(features)

    @torch.no_grad()
    def parse(self, images: Sequence[Image.Image]) -> list[NDArray[np.uint8]]:
        """The likeliest `Part` of each pixel of each picture: uint8 [128, 128]."""
        return [self(as_tensor([image])).argmax(dim=1)[0].to(torch.uint8).numpy() for image in images]


def load_parser(base: Path) -> Parser:
    """Load the parser that is shipped with pico.

    Raises:
        ModelError: The file is not there.
    """
    return with_weights(Parser(), base, PARSER_FILE)


def iou_of_parts(predicted: NDArray[np.uint8], truth: NDArray[np.uint8]) -> dict[Part, float]:
    """|P ∩ T| / |P or T| of every part that is in either map, pixels of all maps counted together.

    Both arrays have one shape, such as [count, 128, 128].
    """
    counts = {part: _overlap(predicted == part, truth == part) for part in Part}
    return {part: both / either for part, (both, either) in counts.items() if either}


def _overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> tuple[int, int]:
    return int((a & b).sum()), int((a | b).sum())
