"""LoRA: ΔW = up · down beside the frozen weights (arXiv 2106.09685), with alpha = rank, so that nothing scales it."""

import warnings
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from spf_portrait.running.untyped import peft

NAME: Final = "default"

Deltas = dict[str, tuple[Tensor, Tensor]]
"""Module path in the network → (down [rank, inputs], up [outputs, rank])."""


def attach_adapter(network: nn.Module, rank: int, targets: str, seed: int = 0, name: str = NAME) -> None:
    """Add an adapter that changes nothing yet (up = 0). Its weights are fp32, whatever the network's are.

    Args:
        network: Of diffusers; it may carry adapters of other names.
        rank: Inner dimension of every update.
        targets: Regular expression over module paths.
        seed: Of the starting values of `down`.
        name: Of this adapter.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = peft.LoraConfig(r=rank, lora_alpha=rank, target_modules=targets)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Already found a `peft_config`")  # several at once are meant
            cast("Any", network).add_adapter(config, name)
    for _, layer in lora_layers(network, name):
        layer.lora_A[name].float()
        layer.lora_B[name].float()


def lora_layers(network: nn.Module, name: str | None = None) -> list[tuple[str, Any]]:
    """Every layer that carries an adapter (one of this name, if given), with its module path."""
    modules: list[tuple[str, Any]] = list(cast("Any", network).named_modules())
    layers = [(path, module) for path, module in modules if isinstance(module, peft.tuners.lora.LoraLayer)]
    return [(path, layer) for path, layer in layers if name is None or name in layer.lora_A]


def adapter_deltas(network: nn.Module, name: str = NAME) -> Deltas:
    """A LoRA's weights by module path; views, not copies."""
    return {path: (layer.lora_A[name].weight, layer.lora_B[name].weight) for path, layer in lora_layers(network, name)}
