"""Adapters that were never trained but change something."""

import torch
from torch import nn

from spf_portrait.adapter import adapter_parameters


def scramble(network: nn.Module, seed: int = 0, spread: float = 0.2) -> None:
    """Fill an attached adapter, of either kind, with noise."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in adapter_parameters(network):
            parameter.normal_(std=spread, generator=generator)
