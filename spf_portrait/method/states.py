"""What both paths look at in a step of alignment: a noised portrait (A), or a state grown from noise (B).

A noised portrait still shows whatever else the training pictures have in common: at low t the reference path sees it
too and cannot object. A grown state shows what a model itself draws for the text. The price is the steps without
gradient that lead there, and that nobody knows its true noise: there is no denoising loss on it.
"""

import itertools
from contextlib import nullcontext
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from spf_portrait.adapter import adapter_off
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.method.training_set import TrainingRows
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.models.schedule import Schedule, add_noise, moved, prediction_target


@dataclass(frozen=True)
class State:
    """What the network is shown.

    Attributes:
        x_t: Noised latents, [batch, channels, height, width].
        timesteps: [batch].
        truth: What a perfect network would answer, shaped as x_t; None where nobody knows.
    """

    x_t: Tensor
    timesteps: Tensor
    truth: Tensor | None


@dataclass(frozen=True)
class NoisedState(State):
    """A state whose truth is known."""

    truth: Tensor


def noised(schedule: Schedule, x_0: Tensor, timesteps: Tensor, noise: Tensor) -> NoisedState:
    """(A): x_t = a x_0 + s ε."""
    levels = schedule.levels(timesteps)
    return NoisedState(
        add_noise(x_0, noise, levels), timesteps, prediction_target(x_0, noise, levels, schedule.prediction)
    )


def grown(base: BaseModel, rows: TrainingRows, spec: TrainingSpec, drawn: Tensor, noise: Tensor) -> State:
    """(B): the state in which one path finds itself some steps after pure noise; no guidance.

    Args:
        base: With the adapter attached, and nothing recording on it.
        rows: Whose text is followed: the complete one by the response path, the base text by the reference path.
        spec: Which path, and in how many steps it would draw a whole picture.
        drawn: Whole numbers drawn evenly from the schedule, [batch]. The first decides how many steps all rows take,
            so that they go together.
        noise: ε to start from, [batch, channels, height, width].
    """
    by_reference = spec.grown_by == "reference"
    text = rows.base_text if by_reference else rows.complete_text
    with adapter_off(base.network) if by_reference else nullcontext():
        return grown_from(base, text, spec.grown_steps, drawn, noise, spec.batch_size)


@torch.no_grad()
def grown_from(base: BaseModel, text: TextEmbedding, steps: int, drawn: Tensor, noise: Tensor, at_once: int) -> State:
    """(B) by the model as it is, along any text.

    Args:
        base: With its adapter on or off, and nothing recording on it.
        text: What is followed, a row each.
        steps: Of a whole picture.
        drawn: As for `grown`.
        noise: As for `grown`.
        at_once: Rows that pass the network together.
    """
    grid = base.schedule.sampled_at(steps).to(noise.device)
    taken = int(drawn[0]) * steps // base.schedule.timesteps
    batches = cast("tuple[Tensor, ...]", torch.arange(len(noise)).split(at_once))
    x_t = torch.cat([_walk(base, text[batch], noise[batch], grid[: taken + 1]) for batch in batches])
    return State(x_t, grid[taken].expand(len(noise)), None)


def _walk(base: BaseModel, text: TextEmbedding, x_t: Tensor, grid: Tensor) -> Tensor:
    """Along the grid [steps + 1] from its first timestep to its last."""
    schedule = base.schedule
    for here, there in itertools.pairwise(grid):
        timesteps = here.expand(len(x_t))
        predicted = predict(base, x_t, timesteps, text)
        levels, next_levels = schedule.levels(timesteps), schedule.levels(there.expand(len(x_t)))
        x_t = moved(x_t, predicted, levels, next_levels, schedule.prediction)
    return x_t
