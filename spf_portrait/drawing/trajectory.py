"""The way from noise to pictures, exactly as diffusers' own pipeline of the family goes it."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import TextEmbedding, stacked

OnStep = Callable[[int, Tensor, Tensor, Tensor], None]
"""(index of the step, timestep, network input [batch, ...], prediction with text [batch, ...]), called after each."""


def starting_noise(base: BaseModel, size_px: int, generator: torch.Generator) -> Tensor:
    """ε of unit variance on the CPU, so that a seed means the same on every device; [1, channels, height, width]."""
    side = size_px // base.latent_factor
    return torch.randn(1, base.latent_channels, side, side, generator=generator).to(base.device)


def denoise(
    base: BaseModel,
    scheduler: Any,
    noise: Tensor,
    texts: tuple[TextEmbedding, TextEmbedding],
    guidance_scale: float,
    generator: torch.Generator | list[torch.Generator],
    on_step: OnStep,
) -> Tensor:
    """All steps of one path, for one picture or several at once.

    Args:
        base: With its adapter on or off, as the path wants it.
        scheduler: With its timesteps set; used up by this.
        noise: From `starting_noise`, [batch, channels, height, width].
        texts: Embeddings of no text and of the prompts, a row for each picture.
        guidance_scale: 1 for no classifier-free guidance.
        generator: For samplers that draw noise at every step; one for each picture of a batch.
        on_step: Sees every prediction.

    Returns:
        Scaled latents, [batch, channels, height, width].
    """
    guided = guidance_scale > 1
    x_t = noise * getattr(scheduler, "init_noise_sigma", 1.0)  # flow matching starts from ε as it is
    extra = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    both = stacked(texts) if guided else texts[1]
    for index, timestep in enumerate(scheduler.timesteps):
        shown = _scaled_input(scheduler, torch.cat([x_t, x_t]) if guided else x_t, timestep)
        predicted = predict(base, shown, timestep, both)
        on_step(index, timestep, shown[-len(x_t) :], predicted[-len(x_t) :])
        x_t = scheduler.step(
            _guided(predicted, guidance_scale) if guided else predicted, timestep, x_t, **extra
        ).prev_sample
    return x_t


def _scaled_input(scheduler: Any, x_t: Tensor, timestep: Tensor) -> Tensor:
    """What the network is shown; flow matching knows no scaling."""
    return scheduler.scale_model_input(x_t, timestep) if hasattr(scheduler, "scale_model_input") else x_t


def _guided(predicted: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance (arXiv 2207.12598): ε_∅ + s · (ε_text − ε_∅)."""
    without, with_text = predicted.chunk(2)
    return without + scale * (with_text - without)
