"""Seg-Cons of photographs: do the parts of the portrait stay where they were?"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from spf_portrait.contract.errors import ModelError
from spf_portrait.contract.phrases import Caption
from spf_portrait.evaluation.known_domain import Pictures
from spf_portrait.evaluation.measuring import PlugIn
from spf_portrait.evaluation.published.pixels import pixels_of
from spf_portrait.metrics.segmentation import seg_cons
from spf_portrait.running.untyped import safetensors, transformers

_SIDE_PX: Final = 512
"""Of what the network looks at, whatever the picture's size."""
_MEAN: Final = (0.485, 0.456, 0.406)
_DEVIATION: Final = (0.229, 0.224, 0.225)
"""Of ImageNet, on which SegFormer's published weights are built."""


def layout_metric(folder: Path, device: torch.device) -> dict[str, PlugIn]:
    """Share of pixels that keep their class, in per cent.

    Where a target may change things is not known of a photograph, so the target's own pixels count, too: the figure is
    a lower bound, to be compared between adapters of one target.

    Args:
        folder: Of a SegformerForSemanticSegmentation that parses faces.
        device: Where it goes.
    """
    parser = cache(lambda: _loaded(folder, device))

    def layout(references: Pictures, responses: Pictures, captions: Sequence[Caption]) -> list[float]:
        nowhere = torch.zeros(_SIDE_PX, _SIDE_PX, dtype=torch.bool, device=device)
        pairs = zip(references, responses, strict=True)
        return [seg_cons(_classes(parser(), one), _classes(parser(), other), nowhere) for one, other in pairs]

    return {"seg_cons": layout}


@torch.no_grad()
def _classes(parser: Any, picture: Image.Image) -> Tensor:
    """[512, 512] of class numbers."""
    pixels = pixels_of(picture)[None].to(parser.device)
    size = (_SIDE_PX, _SIDE_PX)
    shown = F.interpolate(pixels, size, mode="bilinear", antialias=True, align_corners=False) / 2 + 0.5
    mean, deviation = (torch.tensor(of, device=parser.device)[:, None, None] for of in (_MEAN, _DEVIATION))
    logits = parser(pixel_values=(shown - mean) / deviation).logits
    return F.interpolate(logits, size, mode="bilinear", align_corners=False).argmax(dim=1)[0]


def _loaded(folder: Path, device: torch.device) -> Any:
    try:
        parser = transformers.SegformerForSemanticSegmentation.from_pretrained(folder, use_safetensors=True)
    except (OSError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise ModelError(
            "damaged_parser",
            f"a face parser in {folder} that cannot be read ({str(error).partition(chr(10))[0]})",
            "config.json and the weights of a SegformerForSemanticSegmentation in safetensors",
            "Restore it from where it came from",
        ) from error
    return parser.eval().requires_grad_(False).to(device)
