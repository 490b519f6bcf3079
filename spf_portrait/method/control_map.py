"""The Semantic-Aware Fine Control Map (SFCM): where does the target answer? Pure functions of tensors.

    M = clamp( norm(mean_c |ε_res − ε_ref|) − gain · Σ_p w_p · norm(mean_l A_res[p]), 0, 1 )

Ours puts what a survey of the portrait found in place of the first norm(·), see `useful_difference` and `focused`.

p runs over the base phrases: neither the target nor PAD is subtracted. w_p is d_p, the distance in meaning between the
target and the phrase, for the paper's chain of subtractions; d_p over the number of phrases for their mean. M is 1
where the paths may differ and 0 where they are held together.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from spf_portrait.contract.training_spec import Subtraction

_EPSILON: Final = 1e-6
SCALE_BUCKETS: Final = 10
"""The running maximum is kept for every tenth of the schedule, because predictions differ more at some timesteps."""
SCALE_DECAY: Final = 0.99
"""Share of the running maximum that survives a step, so that one outlier does not mute the map for good."""

LEAST_LARGEST: Final = 0.1
"""A mean difference that is small everywhere is not stretched further than tenfold."""


def noise_difference(predicted_response: Tensor, predicted_reference: Tensor) -> Tensor:
    """mean_c |ε_res − ε_ref| with its smallest cell moved to zero.

    Both are the network's own output. On a shared x_t, v and velocity differ from ε by a factor that depends on the
    timestep alone, and the running maximum takes that out again.

    Args:
        predicted_response: [batch, channels, height, width].
        predicted_reference: The same shape, from the same x_t and t.

    Returns:
        [batch, height, width], not yet scaled.
    """
    difference = (predicted_response - predicted_reference).abs().mean(dim=1)
    return difference - difference.amin(dim=(1, 2), keepdim=True)


def prediction_gain(predicted_response: Tensor, predicted_reference: Tensor, truth: Tensor) -> Tensor:
    """G = mean_c (ε_ref − ε)² − (ε_res − ε)²: how much nearer to the truth the response is than the reference.

    Args:
        predicted_response: [batch, channels, height, width].
        predicted_reference: The same shape.
        truth: ε (v, velocity), the same shape.

    Returns:
        [batch, height, width]; negative where the reference is nearer.
    """
    squared = (predicted_reference - truth).square() - (predicted_response - truth).square()
    return squared.mean(dim=1)


def useful_difference(difference: Tensor, gain: Tensor) -> Tensor:
    """√(D · √max(G, 0)): where the paths differ and the response explains the portrait better.

    A perfect pupil's gain is the square of its difference, so that √G is a second measure of D, and drift that explains
    nothing of the portrait has none. G is a difference of large numbers and is therefore averaged over 3 × 3 cells.

    Args:
        difference: D, mean over looks, [rows, height, width].
        gain: G of the same looks, the same shape; −G for pictures that do not show the target.

    Returns:
        The same shape, divided by the largest of all portraits.
    """
    useful = (difference * smoothed(gain).clamp_min(0).sqrt()).sqrt()
    return useful / useful.amax().clamp_min(_EPSILON)


def bucket_of(timesteps: Tensor, total: int) -> Tensor:
    """Which part of the schedule a timestep is in, [batch] of 0 … SCALE_BUCKETS − 1."""
    return (timesteps * SCALE_BUCKETS // total).clamp(0, SCALE_BUCKETS - 1).long()


def running_maximum(previous: Tensor, buckets: Tensor, difference: Tensor) -> Tensor:
    """The largest difference met so far, slowly forgotten.

    A map of its own largest value would be blown up to 1 even where nothing differs; this scale is shared over steps.

    Args:
        previous: [SCALE_BUCKETS].
        buckets: [batch].
        difference: [batch, height, width] from `noise_difference`.

    Returns:
        [SCALE_BUCKETS].
    """
    faded = previous.clone()
    faded[buckets] *= SCALE_DECAY
    return faded.scatter_reduce(0, buckets, difference.amax(dim=(1, 2)), reduce="amax")


def scaled(difference: Tensor, scale: Tensor) -> Tensor:
    """norm(·) of the noise difference: divided by the running maximum [batch], at most 1. No difference gives zeros."""
    return (difference / scale.clamp_min(_EPSILON)[:, None, None]).clamp(max=1)


def focused(mean_difference: Tensor, low: float, high: float) -> Tensor:
    """norm(·) of a picture's differences over many timesteps: where, all in all, does the target answer?

        clamp((D / max D − low) / (high − low), 0, 1)

    The difference of a single step is noisy and mostly small even in the target's place, so that a loss weighed by
    1 − M holds the target nearly as firmly as the rest; see docs/experiments.md.

    Args:
        mean_difference: D, [batch, height, width].
        low: Share of the picture's largest D up to which a cell counts as the same on both paths.
        high: Share from which it belongs to the target altogether.
    """
    largest = mean_difference.amax(dim=(-2, -1), keepdim=True).clamp_min(LEAST_LARGEST)
    return risen(mean_difference / largest, low, high)


def risen(shares: Tensor, low: float, high: float) -> Tensor:
    """clamp((x − low) / (high − low), 0, 1): 0 up to `low`, 1 from `high` on; any shape."""
    return ((shares - low) / (high - low)).clamp(0, 1)


def dilated(maps: Tensor, cells: int) -> Tensor:
    """Maps [batch, height, width] widened by so many cells on every side: each cell takes its surroundings' largest."""
    return F.max_pool2d(maps[:, None], 2 * cells + 1, stride=1, padding=cells)[:, 0]


def smoothed(maps: Tensor) -> Tensor:
    """Maps [batch, height, width] averaged over 3 × 3 cells, over fewer at the edges."""
    return F.avg_pool2d(maps[:, None], 3, stride=1, padding=1, count_include_pad=False)[:, 0]


def min_max(maps: Tensor) -> Tensor:
    """norm(·) of attention maps: each map [..., height, width] stretched to [0, 1]; a constant map gives zeros."""
    low, high = maps.amin(dim=(-2, -1), keepdim=True), maps.amax(dim=(-2, -1), keepdim=True)
    return (maps - low) / (high - low + _EPSILON)


def phrase_distances(target: Tensor, phrases: Tensor) -> Tensor:
    """1 − cos between the target and every phrase in CLIP's text space; [width] and [phrases, width] → [phrases]."""
    return 1 - F.cosine_similarity(phrases, target[None], dim=-1)


def stretched(distances: Tensor, lowest: float, highest: float) -> Tensor:
    """d_p: distances stretched so that those of a bank of phrases span [0, 1], because the raw ones are all small.

    A bank without spread tells close from distant no better than chance: nothing is subtracted then.
    """
    if highest - lowest < _EPSILON:
        return torch.zeros_like(distances)
    return ((distances - lowest) / (highest - lowest)).clamp(0, 1)


def phrase_shares(distances: Tensor, *, by_distance: bool, subtraction: Subtraction) -> Tensor:
    """w_p of one caption's phrases [phrases]: d_p, or 1 for all; of a mean, their number divides it."""
    shares = distances if by_distance else torch.ones_like(distances)
    return shares / len(shares) if subtraction == "mean" else shares


def control_map(difference: Tensor, phrase_maps: Tensor, shares: Tensor, gain: float) -> Tensor:
    """M, see the top of this file; carries no gradient.

    Args:
        difference: From `scaled` or `focused`, [batch, height, width].
        phrase_maps: mean_l A_res of the base phrases, [batch, phrases, height, width].
        shares: w_p, [batch, phrases]; 0 for phrases that only fill up the batch.
        gain: Strength of the subtraction; 1 is the paper's figure.

    Returns:
        [batch, height, width] in [0, 1].
    """
    subtracted = (shares[:, :, None, None] * min_max(phrase_maps)).sum(dim=1)
    return (difference - gain * subtracted).clamp(0, 1).detach()
