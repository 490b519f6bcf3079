"""Noise schedule: from a clean latent to a noised one and back, for ε- and v-prediction.

With ᾱ_t the cumulative product of 1 − β (Ho et al., arXiv 2006.11239) and v as in Salimans & Ho (arXiv 2202.00512):

    x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε          v = √ᾱ_t ε − √(1 − ᾱ_t) x_0

Latents are [batch, channels, height, width]; ᾱ is [batch].
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Prediction = Literal["epsilon", "v_prediction"]


@dataclass(frozen=True)
class Schedule:
    """What the U-Net was trained to undo.

    Attributes:
        alphas_cumprod: ᾱ for every timestep, [timesteps], falling.
        prediction: What the U-Net's output means.
    """

    alphas_cumprod: Tensor
    prediction: Prediction

    @property
    def timesteps(self) -> int:
        """Number of timesteps that training draws from."""
        return len(self.alphas_cumprod)

    def alpha_bar(self, timesteps: Tensor) -> Tensor:
        """ᾱ at the given timesteps, [batch]."""
        return self.alphas_cumprod.to(timesteps.device)[timesteps]


def add_noise(x_0: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """x_t = √ᾱ x_0 + √(1 − ᾱ) ε."""
    signal, sigma = _factors(alpha_bar)
    return signal * x_0 + sigma * noise


def prediction_target(x_0: Tensor, noise: Tensor, alpha_bar: Tensor, prediction: Prediction) -> Tensor:
    """What a perfect U-Net would answer: ε, or v = √ᾱ ε − √(1 − ᾱ) x_0."""
    if prediction == "epsilon":
        return noise
    signal, sigma = _factors(alpha_bar)
    return signal * noise - sigma * x_0


def predicted_clean(x_t: Tensor, predicted: Tensor, alpha_bar: Tensor, prediction: Prediction) -> Tensor:
    """One-step prediction x̂_0 = (x_t − √(1 − ᾱ) ε)/√ᾱ, or √ᾱ x_t − √(1 − ᾱ) v."""
    signal, sigma = _factors(alpha_bar)
    if prediction == "epsilon":
        return (x_t - sigma * predicted) / signal
    return signal * x_t - sigma * predicted


def _factors(alpha_bar: Tensor) -> tuple[Tensor, Tensor]:
    """√ᾱ and √(1 − ᾱ), shaped to multiply latents."""
    column = alpha_bar[:, None, None, None]
    return torch.sqrt(column), torch.sqrt(1 - column)
