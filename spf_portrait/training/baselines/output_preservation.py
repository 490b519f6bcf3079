"""Output preservation: LoRA, and the original model as a teacher of what the base texts shall go on to give.

    L = L_denoise(complete text) + w · mean (ε_θ(x_t, t, base text) − sg ε_ref(x_t, t, base text))²

As users of ai-toolkit and sd-scripts have it ("differential output preservation"): the text without the target takes
the place of their class prompt. Theirs runs every row twice; here the rows of a step are shared out between the two
texts, as SPF shares out its own, so that no method sees more rows with a gradient than another.
"""

from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from spf_portrait.method.states import noised
from spf_portrait.training.baselines import fine_tuning
from spf_portrait.training.baselines.answers import answer, original_answer
from spf_portrait.training.baselines.material import Material
from spf_portrait.training.stages import Draw, Stage


def stages(on: Material) -> tuple[Stage, Stage]:
    """Fine-tuning on a part of the rows, preservation on the rest."""
    first, second = fine_tuning.stages(on)
    return _preserving(first, on), _preserving(second, on)


def _preserving(stage: Stage, on: Material) -> Stage:
    settings = on.spec.rivals.output_preservation

    def losses(draw: Draw) -> dict[str, Tensor]:
        rows = len(draw.portraits)
        held = settings.held(rows)
        if not held:
            return stage.losses(draw)
        learnt = stage.losses(draw.first(max(1, rows - held)))
        return {**learnt, "output_preservation": preservation(on, draw.last(held))}

    return replace(stage, losses=losses, weights={**stage.weights, "output_preservation": settings.weight})


def preservation(on: Material, draw: Draw) -> Tensor:
    """mean (ε_θ(base) − sg ε_ref(base))² on noised portraits."""
    batch, schedule = on.rows.brought(draw.portraits), on.base.schedule
    state = noised(schedule, batch.x_0, schedule.trained_at(draw.times), draw.noise)
    asked = (on.base, state, batch.base_text, on.spec.batch_size)
    teacher = original_answer(*asked)
    return F.mse_loss(answer(*asked), teacher)
