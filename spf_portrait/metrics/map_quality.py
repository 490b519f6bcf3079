"""Does a control map M find a mask? M and mask are [cells] or [height, width], of one shape.

The mask may be fractional: w_i is the share of cell i that the exact mask of pixels covers. A cell then counts as w_i
inside and 1 − w_i outside, which equals comparing pixel by pixel with M constant over each cell. Where cells are partly
covered even the best map stays a little below an AUC of 1.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class MapQuality(NamedTuple):
    """How well one map finds its mask."""

    auc: float
    inside: float
    outside: float


def map_quality(control: Tensor, mask: Tensor) -> MapQuality:
    """AUC, and the mean of M inside and outside the mask."""
    values, inside = control.double().flatten(), mask.double().flatten()
    outside = 1 - inside
    return MapQuality(
        auc=area_under_curve(values, inside),
        inside=float((values * inside).sum() / inside.sum()),
        outside=float((values * outside).sum() / outside.sum()),
    )


def area_under_curve(values: Tensor, inside: Tensor) -> float:
    """Probability that a place inside has a larger value than one outside, a tie counting half:

        AUC = Σ_ij w_i (1 − w_j) ([v_i > v_j] + ½ [v_i = v_j]) / (Σ_i w_i · Σ_j (1 − w_j))

    A perfect map gives 1, a constant one ½.

    Args:
        values: v, [places].
        inside: w in [0, 1], [places]; neither all 0 nor all 1.
    """
    ordered, order = values.sort()
    outside_up_to = torch.cat((inside.new_zeros(1), (1 - inside)[order].cumsum(0)))
    below = outside_up_to[torch.searchsorted(ordered, values)]
    below_or_equal = outside_up_to[torch.searchsorted(ordered, values, right=True)]
    won = (inside * (below + below_or_equal) / 2).sum()
    return float(won / (inside.sum() * (1 - inside).sum()))
