"""The way from noise to pictures, exactly as diffusers' own pipeline of the family goes it."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import TextEmbedding, stacked

OnStep = Callable[[int, Tensor, Tensor, Tensor], None]
"""(index of the step, timestep, network input [batch, ...], prediction with text [batch, ...]).

Called after each step, when it has been steered: the next pass through the network is the next step's.
"""
Steer = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(network input [batch, ...], timestep, guided answer [batch, ...]) → the answer to go on with."""


@dataclass(frozen=True)
class Sampling:
    """How pictures are drawn; a guidance scale of 1 is none."""

    steps: int
    guidance_scale: float


@dataclass(frozen=True)
class Answer:
    """Of a model at one timestep, as its network gives it: ε, v or velocity.

    Attributes:
        with_text: To the prompts, [batch, channels, height, width].
        guided: What a sampler goes on with, the same shape.
    """

    with_text: Tensor
    guided: Tensor


def sampler(base: BaseModel, steps: int) -> Any:
    """A fresh scheduler of the base model's kind, with its timesteps set on the base model's device."""
    scheduler: Any = base.scheduler.from_config(base.scheduler.config)
    scheduler.set_timesteps(steps, device=base.device)
    return scheduler


def starting_noise(base: BaseModel, size_px: int, generator: torch.Generator) -> Tensor:
    """ε of unit variance on the CPU, so that a seed means the same on every device; [1, channels, height, width]."""
    side = size_px // base.latent_factor
    return torch.randn(1, base.latent_channels, side, side, generator=generator).to(base.device)


def seeded_noise(base: BaseModel, seeds: Sequence[int]) -> tuple[Tensor, list[torch.Generator]]:
    """ε of pictures in the base model's own size, [seeds, channels, height, width], and where their chance goes on.

    Every picture has its own source, so that it does not depend on those beside it.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return torch.cat([starting_noise(base, base.image_size_px, generator) for generator in generators]), generators


def denoise(
    base: BaseModel,
    scheduler: Any,
    noise: Tensor,
    texts: tuple[TextEmbedding, TextEmbedding],
    guidance_scale: float,
    generator: torch.Generator | list[torch.Generator],
    on_step: OnStep,
    steer: Steer | None = None,
) -> Tensor:
    """All steps of one path, for one picture or several at once.

    Args:
        base: With its adapter on or off, as the path wants it.
        scheduler: From `sampler`; used up by this.
        noise: From `starting_noise`, [batch, channels, height, width].
        texts: Embeddings of no text and of the prompts, a row for each picture.
        guidance_scale: 1 for no classifier-free guidance.
        generator: For samplers that draw noise at every step; one for each picture of a batch.
        on_step: Sees every prediction.
        steer: Puts another answer in place of the guided one; None to go on with that.

    Returns:
        Scaled latents, [batch, channels, height, width].
    """
    x_t = noise * getattr(scheduler, "init_noise_sigma", 1.0)  # flow matching starts from ε as it is
    extra = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    for index, timestep in enumerate(scheduler.timesteps):
        shown = _scaled_input(scheduler, x_t, timestep)
        answer = guided_answer(base, shown, timestep, texts, guidance_scale)
        chosen = answer.guided if steer is None else steer(shown, timestep, answer.guided)
        on_step(index, timestep, shown, answer.with_text)
        x_t = scheduler.step(chosen, timestep, x_t, **extra).prev_sample
    return x_t


def guided_answer(
    base: BaseModel, shown: Tensor, timestep: Tensor, texts: tuple[TextEmbedding, TextEmbedding], scale: float
) -> Answer:
    """Classifier-free guidance (arXiv 2207.12598): ε_∅ + s · (ε_text − ε_∅); for s = 1 no pass without text.

    Args:
        base: With its adapter on or off.
        shown: What the network is shown, [batch, channels, height, width].
        timestep: A single one.
        texts: As for `denoise`.
        scale: s.
    """
    if scale <= 1:
        predicted = predict(base, shown, timestep, texts[1])
        return Answer(predicted, predicted)
    without, with_text = predict(base, torch.cat([shown, shown]), timestep, stacked(texts)).chunk(2)
    return Answer(with_text, without + scale * (with_text - without))


def _scaled_input(scheduler: Any, x_t: Tensor, timestep: Tensor) -> Tensor:
    """What the network is shown; flow matching knows no scaling."""
    return scheduler.scale_model_input(x_t, timestep) if hasattr(scheduler, "scale_model_input") else x_t
