"""Class maps of two pictures: where the target may change things, and whether the layout held elsewhere.

A class map is [height, width] of class numbers; a region is [height, width] of booleans.
"""

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor


def region_of_classes(reference: Tensor, response: Tensor, classes: Collection[int], dilation_px: int) -> Tensor:
    """The pixels that belong to one of `classes` in either picture, and all within `dilation_px` of them.

    Grown by a square, as latent cells are square: every pixel whose row and column are both at most `dilation_px` away.
    """
    wanted = torch.tensor(sorted(classes), device=reference.device)
    return dilated(torch.isin(reference, wanted) | torch.isin(response, wanted), dilation_px)


def dilated(region: Tensor, pixels: int) -> Tensor:
    """A region grown by `pixels` to all sides."""
    grown = F.max_pool2d(region[None, None].float(), 2 * pixels + 1, stride=1, padding=pixels)
    return grown[0, 0] > 0


def seg_cons(reference: Tensor, response: Tensor, region: Tensor) -> float:
    """100 · share of the pixels outside a region that have the same class in both pictures.

    Equal maps give 100; so does a region that covers everything, as nothing is left to disagree.
    """
    outside = ~region
    if not outside.any():
        return 100.0
    return 100 * float((reference[outside] == response[outside]).double().mean())
