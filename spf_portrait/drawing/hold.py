"""Hold the rest while drawing: an adapter draws in its target's place, and nowhere else.

    ε = g_ref + M (g_res − g_ref)

g_ref is the original model's answer to the base text, g_res the tuned model's to the complete text: both guided, and
both to the x_t of the picture that is being drawn. M says where the target goes. So the adapter first draws the picture
by itself and is watched, see `target_watch`; then the picture is drawn again from the same noise with that M in every
step. It takes no training, so that it holds the rest for any adapter, whoever trained it.

The answers are mixed as the network gives them. At one x_t, v and velocity are ε times a factor plus an offset that
both answers share: mixing them mixes ε.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from spf_portrait.adapter import adapter_off
from spf_portrait.contract.hold import Hold
from spf_portrait.drawing.target_watch import TargetWatch
from spf_portrait.drawing.trajectory import Sampling, denoise, guided_answer, sampler, seeded_noise
from spf_portrait.method.control_map import focused
from spf_portrait.models.base_model import BaseModel
from spf_portrait.models.families.text_embedding import TextEmbedding

HELD_DRAWINGS: Final = 2
"""How often a held picture is drawn."""


@dataclass(frozen=True)
class HeldTexts:
    """Embeddings of what is drawn, a row for each picture."""

    nothing: TextEmbedding
    base: TextEmbedding
    complete: TextEmbedding


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
        m: M, [batch, height, width].
    """

    def __init__(
        self, base: BaseModel, texts: tuple[TextEmbedding, TextEmbedding], guidance_scale: float, m: Tensor
    ) -> None:
        self._base, self._texts, self._scale = base, texts, guidance_scale
        self.m = m

    def __call__(self, shown: Tensor, timestep: Tensor, tuned: Tensor) -> Tensor:
        """The answer to go on with."""
        with adapter_off(self._base.network):
            original = guided_answer(self._base, shown, timestep, self._texts, self._scale).guided
        return held_answer(original, tuned, self.m)


@torch.no_grad()
def held_rest(
    base: BaseModel,
    texts: HeldTexts,
    seeds: Sequence[int],
    sampling: Sampling,
    hold: Hold,
    on_step: Callable[[int], None],
) -> HeldRest:
    """Let the adapter draw by itself, and read off where.

    Args:
        base: With the adapter on, at the wanted strength.
        texts: Of the pictures that are to be held.
        seeds: Of their noise, one each.
        sampling: How they are drawn.
        hold: Where to hold, and how firmly.
        on_step: Told the number of denoising steps done.
    """
    watch = TargetWatch(base, texts.base, texts.complete, sampling.steps)

    def watched(index: int, timestep: Tensor, shown: Tensor, tuned: Tensor) -> None:
        watch(index, timestep, shown, tuned)
        if index < sampling.steps:  # some samplers take one more
            on_step(index + 1)

    noise, generators = seeded_noise(base, seeds)
    scheduler, scale = sampler(base, sampling.steps), sampling.guidance_scale
    denoise(base, scheduler, noise, (texts.nothing, texts.complete), scale, generators, watched)
    m = eased(focused(watch.difference, hold.held_below, hold.free_above), hold.firmness)
    return HeldRest(base, (texts.nothing, texts.base), scale, m)
