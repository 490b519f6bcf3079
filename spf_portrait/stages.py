"""A training is a sequence of stages; each says which losses a step has and how they are weighed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from spf_portrait.alignment import Alignment
from spf_portrait.base_model import BaseModel, predict
from spf_portrait.contract.jobs import TrainingSpec
from spf_portrait.losses import denoising_loss
from spf_portrait.schedule import add_noise, prediction_target
from spf_portrait.training_set import MeaningRows, TrainingRows

StepLosses = Callable[[Tensor, Tensor, Tensor], dict[str, Tensor]]
"""(indices of portraits [batch], timesteps [batch], noise) → raw losses by name."""


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


def fine_tuning(base: BaseModel, rows: TrainingRows, name: Literal["stage1", "stage2"], steps: int) -> Stage:
    """Ordinary fine-tuning: denoising on complete captions.

    No caption is dropped: every portrait shows the target, so an empty caption would teach the unconditional branch
    to draw it too, and classifier-free guidance would then subtract it.
    """

    def losses(indices: Tensor, timesteps: Tensor, noise: Tensor) -> dict[str, Tensor]:
        batch = rows.chosen(indices)
        alpha_bar = base.schedule.alpha_bar(timesteps)
        predicted = predict(base, add_noise(batch.x_0, noise, alpha_bar), timesteps, batch.complete_states)
        target = prediction_target(batch.x_0, noise, alpha_bar, base.schedule.prediction)
        return {"denoise": denoising_loss(predicted, target)}

    return Stage(name, steps, losses, {"denoise": 1.0})


def dual_path(alignment: Alignment, rows: TrainingRows, meaning: MeaningRows, spec: TrainingSpec) -> Stage:
    """Dual-path alignment against the original weights."""

    def losses(indices: Tensor, timesteps: Tensor, noise: Tensor) -> dict[str, Tensor]:
        return alignment.losses(rows.chosen(indices), meaning.chosen(indices), timesteps, noise)

    weights = {
        "denoise": spec.w_denoise,
        "text_consistent": spec.w_text_consistent,
        "fine_grained": spec.w_fine_grained,
        "enhancement": spec.w_enhancement,
    }
    return Stage("stage2", spec.stage2_steps, losses, weights)
