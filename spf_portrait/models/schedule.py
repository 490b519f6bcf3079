"""Noise schedules: from a clean latent to a noised one and back, for ε- and v-prediction and for flow matching.

A noised latent is x_t = a x_0 + s ε, at levels a and s that depend on the timestep:

    diffusion (arXiv 2006.11239)        a = √ᾱ_t     s = √(1 − ᾱ_t)      ᾱ: cumulative product of 1 − β
    flow matching (arXiv 2403.03206)    a = 1 − σ    s = σ = t / timesteps

and the network answers with ε, with v = a ε − s x_0 (arXiv 2202.00512), or with the velocity ε − x_0.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

Prediction = Literal["epsilon", "v_prediction", "flow"]


class Levels(NamedTuple):
    """How much of x_0 and of ε is in x_t, each [batch, 1, 1, 1]."""

    signal: Tensor
    noise: Tensor


class Schedule(Protocol):
    """What a network was trained to undo."""

    @property
    def prediction(self) -> Prediction:
        """What the network's answer means."""
        ...

    @property
    def timesteps(self) -> int:
        """Timesteps lie between 0 and this; more is noisier."""
        ...

    def levels(self, timesteps: Tensor) -> Levels:
        """At the given timesteps [batch]."""
        ...

    def trained_at(self, drawn: Tensor) -> Tensor:
        """Timesteps as the network's own training met them, of whole numbers drawn evenly from 0 … timesteps − 1."""
        ...

    def sampled_at(self, steps: int) -> Tensor:
        """Timesteps that a picture of so many steps starts its steps from, falling from pure noise: [steps]."""
        ...


@dataclass(frozen=True)
class DiffusionSchedule:
    """Of a diffusion model; timesteps are whole numbers.

    Attributes:
        alphas_cumprod: ᾱ for every timestep, [timesteps], falling.
        prediction: ε or v.
    """

    alphas_cumprod: Tensor
    prediction: Literal["epsilon", "v_prediction"]

    @property
    def timesteps(self) -> int:
        """Length of the schedule."""
        return len(self.alphas_cumprod)

    def levels(self, timesteps: Tensor) -> Levels:
        """√ᾱ and √(1 − ᾱ)."""
        column = self.alphas_cumprod.to(timesteps.device)[timesteps][:, None, None, None]
        return Levels(torch.sqrt(column), torch.sqrt(1 - column))

    def trained_at(self, drawn: Tensor) -> Tensor:
        """All timesteps alike."""
        return drawn

    def sampled_at(self, steps: int) -> Tensor:
        """Evenly, the last timestep first ("trailing", arXiv 2305.08891)."""
        return self.timesteps - 1 - torch.arange(steps) * self.timesteps // steps


@dataclass(frozen=True)
class FlowSchedule:
    """Of a flow-matching model; a timestep is σ · timesteps and need not be a whole number.

    Attributes:
        shift: Moves training and sampling towards noise, the more the larger the pictures; 3 for Stable Diffusion 3.
        timesteps: The timestep of pure noise.
    """

    shift: float
    timesteps: int = 1000
    prediction: Prediction = "flow"

    def levels(self, timesteps: Tensor) -> Levels:
        """1 − σ and σ."""
        sigma = (timesteps / self.timesteps)[:, None, None, None]
        return Levels(1 - sigma, sigma)

    def trained_at(self, drawn: Tensor) -> Tensor:
        """Logit-normal as in Stable Diffusion 3, then shifted: σ = shift · u / (1 + (shift − 1) u), u = sigmoid(z).

        z is the normal quantile of each of `timesteps` equal shares of probability.
        """
        z = math.sqrt(2) * torch.erfinv(2 * (drawn + _MIDDLE) / self.timesteps - 1)
        return self._shifted(torch.sigmoid(z))

    def sampled_at(self, steps: int) -> Tensor:
        """Evenly, then shifted."""
        return self._shifted(1 - torch.arange(steps) / steps)

    def _shifted(self, u: Tensor) -> Tensor:
        return self.timesteps * self.shift * u / (1 + (self.shift - 1) * u)


def snr_db(levels: Levels) -> Tensor:
    """Signal-to-noise ratio 10 · log10(a² / s²) in decibels, [batch]; it means the same for every schedule."""
    return 20 * torch.log10(levels.signal / levels.noise).flatten()


_MIDDLE: Final = 0.5
"""A share of probability is represented by its middle."""


def add_noise(x_0: Tensor, noise: Tensor, levels: Levels) -> Tensor:
    """x_t = a x_0 + s ε."""
    return levels.signal * x_0 + levels.noise * noise


def prediction_target(x_0: Tensor, noise: Tensor, levels: Levels, prediction: Prediction) -> Tensor:
    """What a perfect network would answer: ε, or v = a ε − s x_0, or the velocity ε − x_0."""
    if prediction == "epsilon":
        return noise
    if prediction == "flow":
        return noise - x_0
    return levels.signal * noise - levels.noise * x_0


def predicted_clean(x_t: Tensor, predicted: Tensor, levels: Levels, prediction: Prediction) -> Tensor:
    """One-step prediction x̂_0 = (x_t − s ε)/a, or a x_t − s v, or x_t − s · velocity."""
    if prediction == "epsilon":
        return (x_t - levels.noise * predicted) / levels.signal
    if prediction == "flow":
        return x_t - levels.noise * predicted
    return levels.signal * x_t - levels.noise * predicted


def moved(x_t: Tensor, predicted: Tensor, here: Levels, there: Levels, prediction: Prediction) -> Tensor:
    """One step of DDIM (arXiv 2010.02502), Euler's for flow matching: a' x̂_0 + s' ε̂, with ε̂ = (x_t − a x̂_0)/s.

    Args:
        x_t: At levels `here`, which must not be free of noise.
        predicted: The network's answer to it.
        here: a and s.
        there: a' and s'.
        prediction: What the answer means.
    """
    x_0 = predicted_clean(x_t, predicted, here, prediction)
    return there.signal * x_0 + there.noise * (x_t - here.signal * x_0) / here.noise
