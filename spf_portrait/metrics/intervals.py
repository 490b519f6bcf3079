"""How far a figure can be trusted: 95 % intervals over the prompts and seeds that were drawn.

Resampling is seeded: the same values give the same interval.
"""

import math
from typing import Final, NamedTuple

import torch
from torch import Tensor

RESAMPLES: Final = 2000
_TAIL: Final = 0.025
"""Left out at either end of a 95 % interval."""
_Z: Final = 1.959963984540054
"""Quantile of the standard normal distribution that leaves 2.5 % above it."""


class Interval(NamedTuple):
    """Lower and upper end."""

    low: float
    high: float


def bootstrap_interval(values: Tensor) -> Interval | None:
    """Percentile bootstrap for a mean (Efron 1979): the middle 95 % of the means of 2000 resamples.

    Args:
        values: One per picture, [pictures].

    Returns:
        None for a single value, which says nothing about how others would scatter.
    """
    if len(values) < 2:
        return None
    return middle_of(values.double()[resampled_indices(len(values))].mean(dim=1))


def wilson_interval(hits: int, count: int) -> Interval:
    """Wilson's interval for a share (Wilson 1927), right for few pictures and for shares of 0 and 1 too.

    With p = hits / n and z = 1.96:

        ( p + z²/2n ± z √(p (1 − p)/n + z²/4n²) ) / (1 + z²/n)
    """
    share, z2 = hits / count, _Z**2 / count
    centre = (share + z2 / 2) / (1 + z2)
    half = _Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count)) / (1 + z2)
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def resampled_indices(count: int) -> Tensor:
    """Which of `count` values each resample holds: drawn with replacement, [RESAMPLES, count]."""
    return torch.randint(count, (RESAMPLES, count), generator=torch.Generator().manual_seed(0))


def middle_of(samples: Tensor) -> Interval:
    """From the 2.5th to the 97.5th percentile, [samples]."""
    return Interval(float(samples.quantile(_TAIL)), float(samples.quantile(1 - _TAIL)))
