"""Before the second stage both paths look at every picture: where does the target answer, all in all?

The difference of a single step is noisy and mostly small even in the target's place. A map that is averaged while the
second stage goes on starts from one look, and then sees its own work: what it does not hold differs, what it holds
does not. So all looks are taken at once, with the adapter that stage 1 left, and the map stays; docs/experiments.md.

A portrait shows the target, and there the response explains it better than the reference. A picture by the original
model does not, and where the target would come the response explains it worse.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from spf_portrait.adapter import adapter_off
from spf_portrait.method.control_map import noise_difference, prediction_gain, useful_difference
from spf_portrait.method.states import noised
from spf_portrait.method.training_set import TrainingRows
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.schedule import Schedule, snr_db

_SEEDS_APART: Final = 7_919
"""Between the noise of a survey and that of the training whose seed is the same."""


@dataclass(frozen=True)
class Survey:
    """How pictures are looked at.

    Attributes:
        looks: At each of them, spread evenly over the timesteps that tell something.
        min_snr_db: Signal-to-noise ratio in decibels from which on they do.
        seed: The same seed gives the same noise.
        at_once: Pictures that pass the network together.
        shown: Whether they show the target, as portraits do.
    """

    looks: int
    min_snr_db: float
    seed: int
    at_once: int
    shown: bool = True


@torch.no_grad()
def surveyed_difference(base: BaseModel, rows: TrainingRows, survey: Survey, on_look: Callable[[int], None]) -> Tensor:
    """D of every picture, [rows, height, width] in [0, 1]; see `control_map.useful_difference`.

    Args:
        base: With the adapter attached, and nothing recording on it.
        rows: The portraits, or the original model's pictures.
        survey: How they are looked at.
        on_look: Told how many looks are done.
    """
    chance = torch.Generator().manual_seed(survey.seed + _SEEDS_APART)
    telling = telling_times(base.schedule, survey.min_snr_db)
    found: list[tuple[Tensor, Tensor]] = []
    for look in range(survey.looks):
        noise = torch.randn(rows.x_0.shape, generator=chance)
        times = _stratum(telling, look, survey.looks, len(noise), chance)
        found.append(_one_look(base, rows, times, noise, survey.at_once))
        on_look(look + 1)
    differences, gains = (torch.stack(parts).mean(dim=0) for parts in zip(*found, strict=True))
    return useful_difference(differences, gains if survey.shown else -gains)


def telling_times(schedule: Schedule, min_snr_db: float) -> Tensor:
    """Drawn times at which the signal-to-noise ratio is high enough, rising in noise; at least the one with most."""
    times = torch.arange(schedule.timesteps)
    signal_db = snr_db(schedule.levels(schedule.trained_at(times)))
    return times[signal_db >= min(min_snr_db, float(signal_db.max()))]


def _one_look(base: BaseModel, rows: TrainingRows, times: Tensor, noise: Tensor, at_once: int) -> tuple[Tensor, Tensor]:
    """|ε_res − ε_ref| and what it gains, each divided by the look's largest: answers differ more at some timesteps."""
    found = [
        _looked(base, rows.brought(batch.to(base.device)), times[batch].to(base.device), noise[batch].to(base.device))
        for batch in torch.split(torch.arange(len(noise)), at_once)
    ]
    differences, gains = (torch.cat(parts) for parts in zip(*found, strict=True))
    return _of_largest(differences), _of_largest(gains)


def _looked(base: BaseModel, rows: TrainingRows, times: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    state = noised(base.schedule, rows.x_0, base.schedule.trained_at(times), noise)
    response = predict(base, state.x_t, state.timesteps, rows.complete_text).float()
    with adapter_off(base.network):
        reference = predict(base, state.x_t, state.timesteps, rows.base_text).float()
    return noise_difference(response, reference), prediction_gain(response, reference, state.truth.float())


def _stratum(times: Tensor, look: int, looks: int, rows: int, chance: torch.Generator) -> Tensor:
    """A time for each row out of the look's own share of all times, [rows]."""
    places = (look + torch.rand(rows, generator=chance)) / looks * len(times)
    return times[places.long().clamp(max=len(times) - 1)]


def _of_largest(values: Tensor) -> Tensor:
    """Divided by the largest absolute value; zeros stay."""
    return values / values.abs().amax().clamp_min(torch.finfo(values.dtype).tiny)
