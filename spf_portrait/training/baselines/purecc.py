"""PureCC (arXiv 2603.07561, CVPR 2026): the answer to the complete text may differ by the target alone.

    L      = L_denoise + η · mean (ε_θ(base) + λ* R_tar − ε_θ(complete))²
    R_tar  = ε_ex(target) − ε_ex(∅)
    λ*     = ⟨R_learn, R_tar⟩ / ‖R_tar‖², R_learn = ε_θ(complete) − ε_θ(base)

ε_ex is the extractor: stage 1 learns the target and is frozen; stage 2 starts anew from the original model. With λ*
what is held down is the part of R_learn that is orthogonal to R_tar. As in the authors' code, gradients pass through
both answers of the learner. A step takes half as many portraits as plain LoRA's, each with two texts, so that it has as
many rows with a gradient.
"""

from dataclasses import replace
from typing import Final

from torch import Tensor

from spf_portrait.method.losses import denoising_loss
from spf_portrait.method.states import NoisedState, State, noised
from spf_portrait.models.base_model import encode_nothing, encode_text
from spf_portrait.models.families.text_embedding import stacked
from spf_portrait.running.progress import Report
from spf_portrait.training.baselines import fine_tuning
from spf_portrait.training.baselines.answers import FrozenTeacher, answer
from spf_portrait.training.baselines.material import Material
from spf_portrait.training.stages import Draw, Stage

_EPSILON: Final = 1e-12


def stages(on: Material) -> tuple[Stage, Stage]:
    """Fine-tuning of the extractor, then pure learning."""
    first, second = fine_tuning.stages(on)
    extractor = FrozenTeacher(on.base, on.state)
    target, nothing = encode_text(on.base, [on.portraits.target]), encode_nothing(on.base)

    def losses(draw: Draw) -> dict[str, Tensor]:
        draw = draw.first(max(1, len(draw.portraits) // 2))
        batch, schedule, at_once = on.rows.brought(draw.portraits), on.base.schedule, on.spec.batch_size
        state = noised(schedule, batch.x_0, schedule.trained_at(draw.times), draw.noise)
        asked = stacked([target.expand(len(batch.x_0)), nothing.expand(len(batch.x_0))])
        with_target, without = extractor.answer(twice(state), asked, at_once).chunk(2)
        read = stacked([batch.complete_text, batch.base_text])
        complete, base = answer(on.base, twice(state), read, at_once).chunk(2)
        return {
            "denoise": denoising_loss(complete, state.truth),
            "pure_learning": pure_learning_loss(complete, base, with_target - without),
        }

    def begin(report: Report) -> None:
        extractor.freeze(on.spec.seed)

    weights = {**second.weights, "pure_learning": on.spec.rivals.purecc.weight}
    return first, replace(second, losses=losses, weights=weights, begin=begin)


def twice(state: NoisedState) -> State:
    """The same states for two texts, one after the other."""
    return State(state.x_t.repeat(2, 1, 1, 1), state.timesteps.repeat(2), None)


def pure_learning_loss(complete: Tensor, base: Tensor, target: Tensor) -> Tensor:
    """mean (ε(base) + λ* R_tar − ε(complete))².

    Args:
        complete: ε_θ of the complete texts, [rows, channels, height, width].
        base: ε_θ of the base texts.
        target: R_tar.
    """
    learnt = complete - base
    return (guidance_scale(learnt.detach(), target) * target - learnt).square().mean()


def guidance_scale(learnt: Tensor, target: Tensor) -> Tensor:
    """λ* = ⟨R_learn, R_tar⟩ / ‖R_tar‖², a number for each row, [rows, 1, 1, 1]; 0 where R_tar is 0."""
    inner, square = ((one * target).sum(dim=(1, 2, 3), keepdim=True) for one in (learnt, target))
    return inner / square.clamp_min(_EPSILON)
