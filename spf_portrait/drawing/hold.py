"""Hold the rest while drawing: an adapter draws where it differs most from the original model, and nowhere else.

    ε = g_ref + M (g_res − g_ref)

g_ref is the original model's answer to the base text, g_res the tuned model's to the complete text: both guided, and
both to the x_t of the picture that is being drawn. M is read off their difference over the steps so far. It takes two
more passes a step and no training, so that it holds the rest for any adapter, whoever trained it.

The answers are mixed as the network gives them. At one x_t, v and velocity are ε times a factor plus an offset that
both answers share: mixing them mixes ε.
"""

import torch
from torch import Tensor

from spf_portrait.adapter import adapter_off
from spf_portrait.contract.hold import Hold
from spf_portrait.drawing.trajectory import guided_answer
from spf_portrait.method.control_map import risen
from spf_portrait.models.base_model import BaseModel
from spf_portrait.models.families.text_embedding import TextEmbedding


def answer_difference(tuned: Tensor, original: Tensor) -> Tensor:
    """D_t = mean_c |g_res − g_ref|, divided by its largest cell; equal answers give 0.

    Args:
        tuned: g_res, [batch, channels, height, width].
        original: g_ref, the same shape.

    Returns:
        [batch, height, width] in [0, 1].
    """
    return _of_largest((tuned - original).abs().mean(dim=1))


def opened(difference: Tensor, held_below: float, free_above: float) -> Tensor:
    """M = clamp((D / max D − held_below) / (free_above − held_below), 0, 1); no difference opens nothing.

    Args:
        difference: D, a mean or a sum of D_t over steps, [batch, height, width].
        held_below: Share of the largest D up to which M is 0.
        free_above: Share from which M is 1.
    """
    return risen(_of_largest(difference), held_below, free_above)


def eased(m: Tensor, firmness: float) -> Tensor:
    """1 − h (1 − M): M itself for h = 1, and 1 everywhere for h = 0."""
    return 1 - firmness * (1 - m)


def held_answer(original: Tensor, tuned: Tensor, m: Tensor) -> Tensor:
    """ε = g_ref + M (g_res − g_ref), bit for bit g_ref where M = 0 and g_res where M = 1.

    Args:
        original: g_ref, [batch, channels, height, width].
        tuned: g_res, the same shape.
        m: M, [batch, height, width].
    """
    return torch.lerp(original, tuned, m[:, None])


class HeldRest:
    """Steers one trajectory, see `trajectory.Steer`. Its pictures do not depend on each other.

    Args:
        base: With the adapter on.
        texts: Embeddings of no text and of the base texts, a row for each picture.
        guidance_scale: That of the trajectory.
        hold: Where to hold, and how firmly.
    """

    def __init__(
        self, base: BaseModel, texts: tuple[TextEmbedding, TextEmbedding], guidance_scale: float, hold: Hold
    ) -> None:
        self._base, self._texts, self._scale, self._hold = base, texts, guidance_scale, hold
        self._differences: Tensor | None = None
        self.maps: list[Tensor] = []
        """M of every step so far, [batch, height, width] each."""

    def __call__(self, shown: Tensor, timestep: Tensor, tuned: Tensor) -> Tensor:
        """The answer to go on with."""
        with adapter_off(self._base.network):
            original = guided_answer(self._base, shown, timestep, self._texts, self._scale).guided
        difference = answer_difference(tuned, original)
        self._differences = difference if self._differences is None else self._differences + difference
        m = opened(self._differences, self._hold.held_below, self._hold.free_above)
        self.maps.append(eased(m, self._hold.firmness))
        return held_answer(original, tuned, self.maps[-1])


def _of_largest(difference: Tensor) -> Tensor:
    """Each map [..., height, width] divided by its largest cell; zeros stay zeros."""
    largest = difference.amax(dim=(-2, -1), keepdim=True)
    return difference / largest.clamp_min(torch.finfo(difference.dtype).tiny)
