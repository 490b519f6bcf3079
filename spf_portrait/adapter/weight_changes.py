"""Whole weights that train: ΔW stands beside the frozen W, which the reference pass takes as it is.

Two copies of what is adapted are in memory, W and ΔW, and no second network. ΔW is fp32, so that small steps are
not lost in a W of half precision.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from spf_portrait.adapter.layers import matrices


class WeightChange(nn.Module):
    """W ↦ W + s · ΔW, and W itself while it is off.

    Args:
        weight: The frozen W: a matrix, a kernel of a convolution, a bias.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.change = nn.Parameter(torch.zeros_like(weight, dtype=torch.float32))
        self.strength = 1.0
        self.on = True

    def forward(self, weight: Tensor) -> Tensor:
        """What the layer computes with."""
        if not self.on or self.strength == 0:
            return weight
        return (weight + self.strength * self.change).to(weight.dtype)


def attach_weight_changes(network: nn.Module, targets: str) -> None:
    """Let whole matrices train, from ΔW = 0; biases stay as they are.

    Args:
        network: Without adapter.
        targets: Regular expression over module paths.
    """
    for layer in matrices(network, targets).values():
        parametrize.register_parametrization(layer, "weight", WeightChange(layer.weight))


def attach_network_change(network: nn.Module) -> None:
    """Let every weight of the network train, from ΔW = 0."""
    for path, weight in list(network.named_parameters()):
        module, _, name = path.rpartition(".")
        parametrize.register_parametrization(network.get_submodule(module), name, WeightChange(weight))


def weight_changes(network: nn.Module) -> dict[str, WeightChange]:
    """Every ΔW by the path of its W."""
    modules: list[tuple[str, Any]] = list(cast("Any", network).named_modules())
    found = {path: module for path, module in modules if isinstance(module, WeightChange)}
    return {path.replace(".parametrizations", "").removesuffix(".0"): module for path, module in found.items()}


def remove_weight_changes(network: nn.Module) -> None:
    """Give the layers their own weights back."""
    for path in weight_changes(network):
        module, _, name = path.rpartition(".")
        parametrize.remove_parametrizations(network.get_submodule(module), name, leave_parametrized=False)
