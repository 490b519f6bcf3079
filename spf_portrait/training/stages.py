"""A training is a sequence of stages; each says which losses a step has and how they are weighed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.method.alignment import Alignment
from spf_portrait.method.losses import denoising_loss
from spf_portrait.method.micro_batches import in_batches
from spf_portrait.method.states import grown, noised
from spf_portrait.method.training_set import MeaningRows, TrainingRows
from spf_portrait.models.base_model import BaseModel, predict


@dataclass(frozen=True)
class Draw:
    """What chance and the order of the portraits give a step.

    Attributes:
        portraits: Indices, [batch].
        times: Whole numbers drawn evenly from the schedule, [batch].
        noise: ε, shaped as the portraits' latents.
        step: Steps done before, both stages together.
    """

    portraits: Tensor
    times: Tensor
    noise: Tensor
    step: int


StepLosses = Callable[[Draw], dict[str, Tensor]]
"""Raw losses by name."""


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: As it is reported.
        steps: Its length.
        losses: Computes the raw losses of one step.
        weights: Factor of every loss that is trained on; further values are only logged.
    """

    name: Literal["stage1", "stage2"]
    steps: int
    losses: StepLosses
    weights: Mapping[str, float]


def denoising(
    base: BaseModel, rows: TrainingRows, name: Literal["stage1", "stage2"], steps: int, at_once: int
) -> Stage:
    """Ordinary fine-tuning: denoising on complete captions.

    No caption is dropped: every portrait shows the target, so an empty caption would teach the unconditional branch
    to draw it too, and classifier-free guidance would then subtract it. `at_once` portraits of a step pass the network
    together.
    """

    def losses(draw: Draw) -> dict[str, Tensor]:
        return {"denoise": _denoising(base, rows.chosen(draw.portraits), draw, at_once)}

    return Stage(name, steps, losses, {"denoise": 1.0})


def dual_path(alignment: Alignment, rows: TrainingRows, meaning: MeaningRows, spec: TrainingSpec) -> Stage:
    """Dual-path alignment against the original weights, on noised portraits or on grown states."""
    base = alignment.base

    def on_noised(draw: Draw) -> dict[str, Tensor]:
        batch = rows.chosen(draw.portraits)
        state = noised(base.schedule, batch.x_0, base.schedule.trained_at(draw.times), draw.noise)
        return alignment.losses(batch, meaning.chosen(draw.portraits), draw.portraits, state)

    def on_grown(draw: Draw) -> dict[str, Tensor]:
        batch = rows.chosen(draw.portraits)
        alignment.recorder.listen(None)
        state = grown(base, batch, spec, draw.times, draw.noise)
        losses = alignment.losses(batch, meaning.chosen(draw.portraits), draw.portraits, state)
        if spec.w_denoise and draw.step % spec.denoise_every == 0:
            alignment.recorder.listen(None)
            losses["denoise"] = _denoising(base, batch, draw, spec.batch_size)
        return losses

    weights = {
        "denoise": spec.w_denoise,
        "text_consistent": spec.w_text_consistent,
        "fine_grained": spec.w_fine_grained,
        "prediction_anchor": spec.w_prediction_anchor,
        "base_anchor": spec.w_base_anchor,
        "enhancement": spec.w_enhancement,
    }
    return Stage("stage2", spec.stage2_steps, on_grown if spec.states == "grown" else on_noised, weights)


def _denoising(base: BaseModel, batch: TrainingRows, draw: Draw, at_once: int) -> Tensor:
    """L_denoise of complete captions, `at_once` portraits through the network together."""
    state = noised(base.schedule, batch.x_0, base.schedule.trained_at(draw.times), draw.noise)
    predicted = in_batches(
        lambda i: predict(base, state.x_t[i], state.timesteps[i], batch.complete_text[i]),
        len(state.x_t),
        at_once,
        torch.cat,
    )
    return denoising_loss(predicted, state.truth)
