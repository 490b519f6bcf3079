"""Concept Slider (arXiv 2311.12092): LoRA that moves the answer to every text along the direction of a target.

    L = mean (ε_θ(x_t, t, neutral) − sg [ε_ref(neutral) + η (ε_T(positive) − ε_T(negative))])²

on states that the slider itself grows from noise. Neutral and negative are the base text, positive is the complete
text. ε_T is a teacher. The authors' is the original model, which has to know the target already; ours is by default the
model that stage 1 tunes, so that a target which nobody knew can be taught. Only the direction is the teacher's: what is
moved is ε_ref, or the slider would learn the teacher's pollution of base texts, too.

A slider is not asked for by words: while it is on, base texts show the target as well.
"""

from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from spf_portrait.method.states import grown_from
from spf_portrait.running.progress import Report
from spf_portrait.training.baselines import fine_tuning
from spf_portrait.training.baselines.answers import FrozenTeacher, answer, original_answer
from spf_portrait.training.baselines.material import Material
from spf_portrait.training.stages import Draw, Stage, StepLosses


def stages(on: Material) -> tuple[Stage, Stage]:
    """Fine-tuning of the teacher, then the slider; with the original model as the teacher the slider alone."""
    first, second = fine_tuning.stages(on)
    weights = {"slider": 1.0}
    if on.spec.rivals.concept_slider.teacher == "original":
        losses = _losses(on, None)
        return replace(first, losses=losses, weights=weights), replace(second, losses=losses, weights=weights)
    teacher = FrozenTeacher(on.base, on.state)

    def begin(report: Report) -> None:
        teacher.freeze(on.spec.seed)

    return first, replace(second, losses=_losses(on, teacher), weights=weights, begin=begin)


def _losses(on: Material, teacher: FrozenTeacher | None) -> StepLosses:
    """Without a teacher of its own it is the original model."""
    settings, at_once = on.spec.rivals.concept_slider, on.spec.batch_size

    def losses(draw: Draw) -> dict[str, Tensor]:
        batch = on.rows.brought(draw.portraits)
        state = grown_from(on.base, batch.base_text, settings.grown_steps, draw.times, draw.noise, at_once)
        neutral = original_answer(on.base, state, batch.base_text, at_once)
        if teacher is None:
            positive, negative = original_answer(on.base, state, batch.complete_text, at_once), neutral
        else:
            positive, negative = (
                teacher.answer(state, text, at_once) for text in (batch.complete_text, batch.base_text)
            )
        aim = slid(neutral, positive, negative, settings.strength)
        return {"slider": F.mse_loss(answer(on.base, state, batch.base_text, at_once), aim)}

    return losses


def slid(neutral: Tensor, positive: Tensor, negative: Tensor, strength: float) -> Tensor:
    """ε(neutral) + η (ε(positive) − ε(negative)); all of one shape."""
    return neutral + strength * (positive - negative)
