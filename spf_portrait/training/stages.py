"""A training is a sequence of stages; each says which losses a step has and how they are weighed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

import torch
from torch import Tensor

from spf_portrait.contract.preservation import Preservation
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.method.alignment import Alignment
from spf_portrait.method.losses import denoising_loss
from spf_portrait.method.map_survey import Survey, surveyed_difference
from spf_portrait.method.micro_batches import in_batches
from spf_portrait.method.preserved_rows import PairDraw, PreservedRows, preserved_rows
from spf_portrait.method.states import State, grown, noised
from spf_portrait.method.training_set import MeaningRows, TrainingRows
from spf_portrait.models.base_model import BaseModel, encode_nothing, predict
from spf_portrait.running.progress import ProgressMeter, Report

_SEEDS_APART: Final = 100_003
"""Between the steps of one training and those of the next seed's: more than any training has steps."""


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

    def first(self, rows: int) -> "Draw":
        """Of the first rows."""
        return Draw(self.portraits[:rows], self.times[:rows], self.noise[:rows], self.step)

    def last(self, rows: int) -> "Draw":
        """Of the last rows."""
        return Draw(self.portraits[-rows:], self.times[-rows:], self.noise[-rows:], self.step)


def _nothing(told: object) -> None:
    """Most stages begin with their first step, and are done with a step when the weights are."""


_ASKING_NOTHING: Final = {"asked_share": 0.0}
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
        begin: Is called before its first step, and again when a training goes on in its midst.
        after: Is told after every step how many are done, both stages together; gradients are those of that step.
    """

    name: Literal["stage1", "stage2"]
    steps: int
    losses: StepLosses
    weights: Mapping[str, float]
    begin: Callable[[Report], None] = _nothing
    after: Callable[[int], None] = _nothing


def denoising(
    base: BaseModel, rows: TrainingRows, name: Literal["stage1", "stage2"], steps: int, at_once: int
) -> Stage:
    """Ordinary fine-tuning: denoising on complete captions.

    No caption is dropped: every portrait shows the target, so an empty caption would teach the unconditional branch
    to draw it too, and classifier-free guidance would then subtract it. `at_once` portraits of a step pass the network
    together.
    """

    def losses(draw: Draw) -> dict[str, Tensor]:
        return {"denoise": denoising_of(base, rows.brought(draw.portraits), draw, at_once)}

    return Stage(name, steps, losses, {"denoise": 1.0})


def dual_path(
    alignment: Alignment, rows: TrainingRows, meaning: MeaningRows, pictures: TrainingRows, spec: TrainingSpec
) -> Stage:
    """Dual-path alignment against the original weights, on noised portraits or on grown states.

    A part of every step's rows goes to prior preservation, where `pictures` are those of the original model, see
    `original_pictures`.
    """
    base, nothing = alignment.base, encode_nothing(alignment.base)
    preservation = spec.preservation if _asks(pictures, spec) else spec.preservation.model_copy(update=_ASKING_NOTHING)

    def looked_at(batch: TrainingRows, told: Draw) -> State:
        if spec.states == "noised":
            return noised(base.schedule, batch.x_0, base.schedule.trained_at(told.times), told.noise)
        alignment.recorder.listen(None)
        return grown(base, batch, spec, told.times, told.noise)

    def preserved(draw: Draw) -> PreservedRows | None:
        pairs = spec.preservation.pairs(len(draw.portraits))
        if not pairs:
            return None
        chance = torch.rand(pairs, 3, generator=torch.Generator().manual_seed(spec.seed * _SEEDS_APART + draw.step))
        last = draw.last(pairs)
        drawn = PairDraw(last.portraits, last.times, last.noise, chance.to(last.noise.device))
        return preserved_rows(base, rows, pictures, nothing, drawn, preservation)

    def losses(draw: Draw) -> dict[str, Tensor]:
        told = draw.first(told_rows(len(draw.portraits), spec.preservation))
        batch = rows.brought(told.portraits)
        state = looked_at(batch, told)
        found = alignment.losses(batch, meaning.brought(told.portraits), told.portraits, state, preserved(draw))
        if state.truth is None and spec.w_denoise and draw.step % spec.denoise_every == 0:
            found["denoise"] = denoising_of(base, batch, told, spec.batch_size)
        return found

    weights = {
        "denoise": spec.w_denoise,
        "text_consistent": spec.w_text_consistent,
        "fine_grained": spec.w_fine_grained,
        "prediction_anchor": spec.w_prediction_anchor,
        "base_anchor": spec.w_base_anchor,
        "enhancement": spec.w_enhancement,
        "preservation": spec.preservation.weight,
        "guided_preservation": spec.preservation.guided_weight,
        "released": spec.preservation.denoise_weight,
    }
    begin = partial(_survey, alignment, rows, pictures)
    return Stage("stage2", spec.stage2_steps, losses, weights, begin)


def _survey(alignment: Alignment, rows: TrainingRows, pictures: TrainingRows, report: Report) -> None:
    """Find the target's place in every portrait and picture, once in a training."""
    spec, memory = alignment.spec, alignment.memory
    if not _surveys(spec) or memory.surveyed is not None:
        return
    alignment.recorder.listen(None)
    survey = Survey(spec.map_looks, spec.control_map_min_snr_db, spec.seed, spec.batch_size)
    asks = _asks(pictures, spec)
    looked = ProgressMeter(report, "surveying", survey.looks * (1 + asks))
    if asks:
        each = pictures.chosen(torch.arange(spec.preservation.pictures))
        memory.pictures = surveyed_difference(alignment.base, each, replace(survey, shown=False), looked.step)
    done = survey.looks * asks
    memory.surveyed = surveyed_difference(alignment.base, rows, survey, lambda look: looked.step(done + look))


def _surveys(spec: TrainingSpec) -> bool:
    return spec.map_looks > 0 and spec.losses.control_map


def _asks(pictures: TrainingRows, spec: TrainingSpec) -> bool:
    """Whether pictures are asked for the target: only where it is known what its place is."""
    return _surveys(spec) and len(pictures.x_0) > 0 and spec.preservation.asked_share > 0


def told_rows(rows: int, preservation: Preservation) -> int:
    """How many rows of a step name the target: those that prior preservation leaves, and at least one."""
    return max(1, rows - 2 * preservation.pairs(rows))


def denoising_of(base: BaseModel, batch: TrainingRows, draw: Draw, at_once: int) -> Tensor:
    """L_denoise of a batch of complete captions, `at_once` portraits through the network together."""
    state = noised(base.schedule, batch.x_0, base.schedule.trained_at(draw.times), draw.noise)
    predicted = in_batches(
        lambda i: predict(base, state.x_t[i], state.timesteps[i], batch.complete_text[i]),
        len(state.x_t),
        at_once,
        torch.cat,
    )
    return denoising_loss(predicted, state.truth)
