"""How far two pictures are apart, pixel by pixel. Pictures are [3, height, width] of 0 … 255."""

import math
from typing import Final

import torch
from torch import Tensor

_LEAST_ERROR: Final = 1e-10


def mean_change(reference: Tensor, response: Tensor) -> float:
    """mean |response − reference| / 255 over all pixels and channels; 0 for equal pictures."""
    return float((response.float() - reference.float()).abs().mean() / 255)


def outside_change(reference: Tensor, response: Tensor, region: Tensor) -> float:
    """mean |response − reference| / 255 over the pixels outside a region [height, width] of booleans.

    A region that covers everything leaves nothing to change: 0.
    """
    outside = ~region
    if not outside.any():
        return 0.0
    return mean_change(reference[:, outside], response[:, outside])


def psnr(reference: Tensor, picture: Tensor) -> float:
    """Peak signal-to-noise ratio 10 · log₁₀(1 / MSE) in dB, with pixels in [0, 1].

    An MSE below 1e-10 counts as 1e-10, so that equal pictures give 100 dB and not infinity, which JSON cannot hold.
    """
    error = float(torch.mean(((picture.double() - reference.double()) / 255) ** 2))
    return -10 * math.log10(max(error, _LEAST_ERROR))
