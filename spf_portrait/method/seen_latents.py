"""What CLIP sees of latents: their picture, decoded no larger than CLIP looks at it.

An autoencoder of Stable Diffusion's shape keeps gigabytes of a large picture for the backward pass, and CLIP shrinks
what comes out to 224 px. So large latents are shrunk before they are decoded. Small ones are not: there is little to
save, and of pico's, shrunk to half, CLIP no longer recognises the target (docs/experiments.md).
"""

from collections.abc import Iterator
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from spf_portrait.method.clip_space import ClipSpace
from spf_portrait.models.base_model import BaseModel, decode_latents

_WHOLE_PX: Final = 256
"""Pictures up to this side are decoded as they are."""


def seen(base: BaseModel, clip: ClipSpace, latents: Tensor) -> Tensor:
    """i(·) of scaled latents [batch, channels, height, width], [batch, width]; gradients pass."""
    return clip.pictures(decode_latents(base, shrunk(latents, base.latent_factor, clip.size_px)))


def exemplars(base: BaseModel, clip: ClipSpace, pixels: Iterator[Tensor], x_0: Tensor) -> Tensor:
    """i(x_0) of the portraits, onto the CPU, seen as large as the predictions that it is compared with.

    Args:
        base: Whose latents x_0 are.
        clip: What looks.
        pixels: The portraits in [-1, 1], one after the other, [1, 3, height, width].
        x_0: The same as scaled latents, [rows, channels, height, width].
    """
    with torch.no_grad():
        if shrunk(x_0, base.latent_factor, clip.size_px).shape == x_0.shape:
            return torch.cat([clip.pictures(row).cpu() for row in pixels])
        return torch.cat([seen(base, clip, row[None].to(base.device)).cpu() for row in x_0])


def shrunk(latents: Tensor, factor: int, size_px: int) -> Tensor:
    """Cells averaged by area, until the picture's sides are at most `size_px`; those of small pictures stay.

    Args:
        latents: [batch, channels, height, width].
        factor: Pixels a side that a cell covers.
        size_px: Side of the pictures that are looked at.
    """
    sides = latents.shape[-2:]
    if max(sides) * factor <= max(_WHOLE_PX, size_px):
        return latents
    most = max(1, size_px // factor)
    return F.interpolate(latents, [min(side, most) for side in sides], mode="area")
