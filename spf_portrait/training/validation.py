"""Two curves that say how a training goes, because the loss of random timesteps does not.

They are measured without sampling, on the network's answers to a few portraits that show the target, noised with the
same noise at the same timesteps every time. y is the true answer (ε, v or velocity), ref and res are the answers of the
original and of the tuned model, each to the base text or to the complete text:

    g       = y − ref(base)                what the original model lacks
    named   = res(complete) − res(base)    what naming the target changes in the tuned model
    drifted = res(base) − ref(base)        what training has changed where the target is not named

    target gained = 1 − ‖g − named‖² / ‖g‖²
    rest kept     = 1 − ‖drifted‖² / ‖g‖²

‖·‖² is summed over portraits, and the mean over the timesteps is taken, so that none outweighs the others.

Target gained is the share of the original model's error that vanishes when the tuned model's change by naming the
target is added to its answer. Before training it is what the original model knows of the words, about 0. What a
training puts into the answer to every text, such as the style of its pictures, cancels out; too strong a change counts
against it. Rest kept is 1 before training. Both have one unit, the original model's error, and both are at most 1.

Drift is also what the base anchor and prior preservation hold down, but on other noise and at every timestep.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from spf_portrait.adapter import adapter_off
from spf_portrait.method.training_set import TrainingRows
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.schedule import add_noise, prediction_target

TIMES: Final = (0.2, 0.4, 0.6, 0.8)
"""Fractions of the schedule at which the portraits are noised."""
WATCHED: Final = 4
"""Portraits that are looked at."""
SMALLEST_SPLIT: Final = 32
"""A smaller set can spare none of its portraits; those that are looked at are trained on, too."""
_SEED: Final = 0


@dataclass(frozen=True)
class Split:
    """Which portraits are trained on and which are watched.

    Attributes:
        training: Indices of portraits, [rows].
        watched: The same, [at most WATCHED].
        held_out: No watched one is trained on.
    """

    training: Tensor
    watched: Tensor
    held_out: bool


@dataclass(frozen=True)
class _NoisedPortraits:
    """The watched portraits at one timestep.

    Attributes:
        x_t: [rows, channels, height, width].
        timesteps: [rows].
        truth: y.
        reference: ref(base).
    """

    x_t: Tensor
    timesteps: Tensor
    truth: Tensor
    reference: Tensor


def split_rows(rows: int, *, may_hold_out: bool) -> Split:
    """The same split for every training on a set of that many portraits."""
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(_SEED))
    watched = order[:WATCHED].sort().values
    if not may_hold_out or rows < SMALLEST_SPLIT:
        return Split(torch.arange(rows), watched, held_out=False)
    return Split(order[WATCHED:].sort().values, watched, held_out=True)


def target_gained(truth: Tensor, reference: Tensor, response: Tensor, response_to_base: Tensor) -> Tensor:
    """1 − ‖g − named‖² / ‖g‖² over all elements, see the top of this file.

    Args:
        truth: y.
        reference: ref(base).
        response: res(complete).
        response_to_base: res(base).
    """
    missing = truth - reference
    return 1 - (missing - (response - response_to_base)).square().sum() / missing.square().sum()


def rest_kept(truth: Tensor, reference: Tensor, response_to_base: Tensor) -> Tensor:
    """1 − ‖drifted‖² / ‖g‖² over all elements; arguments as for `target_gained`."""
    return 1 - (response_to_base - reference).square().sum() / (truth - reference).square().sum()


class Validation:
    """Measures both, every time on the same noised portraits. What the original model answers is computed once.

    Args:
        base: With the adapter attached, and nothing recording on it.
        rows: The watched portraits.
    """

    def __init__(self, base: BaseModel, rows: TrainingRows) -> None:
        self._base, self._rows = base, rows
        self._states = [_noised(base, rows, time, seed) for seed, time in enumerate(TIMES)]

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """`target_gained` and `rest_kept` of the model as it is now."""
        found = torch.stack([self._at(state) for state in self._states]).mean(dim=0)
        return {"target_gained": float(found[0]), "rest_kept": float(found[1])}

    def _at(self, state: _NoisedPortraits) -> Tensor:
        """Both at one timestep, [2]."""
        response = predict(self._base, state.x_t, state.timesteps, self._rows.complete_text)
        to_base = predict(self._base, state.x_t, state.timesteps, self._rows.base_text)
        gained = target_gained(state.truth, state.reference, response, to_base)
        return torch.stack((gained, rest_kept(state.truth, state.reference, to_base)))


@torch.no_grad()
def _noised(base: BaseModel, rows: TrainingRows, time: float, seed: int) -> _NoisedPortraits:
    schedule = base.schedule
    drawn = torch.full((len(rows.x_0),), int(time * schedule.timesteps), device=base.device)
    timesteps = schedule.trained_at(drawn)
    noise = torch.randn(rows.x_0.shape, generator=torch.Generator().manual_seed(seed)).to(base.device)
    levels = schedule.levels(timesteps)
    x_t = add_noise(rows.x_0, noise, levels)
    with adapter_off(base.network):
        reference = predict(base, x_t, timesteps, rows.base_text)
    return _NoisedPortraits(x_t, timesteps, prediction_target(rows.x_0, noise, levels, schedule.prediction), reference)
