"""A network with its adapter, of any kind: training it, switching it off, taking it away."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import nn

from spf_portrait.adapter.adaptive_rank import attach_adaptive, initial_rank
from spf_portrait.adapter.layers import adapter_targets, check_rank, matrices
from spf_portrait.adapter.lora import NAME, attach_adapter, lora_layers
from spf_portrait.adapter.weight_changes import (
    WeightChange,
    attach_network_change,
    attach_weight_changes,
    remove_weight_changes,
    weight_changes,
)
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.models.base_model import BaseModel
from spf_portrait.running.untyped import peft


def attach_new_adapter(base: BaseModel, spec: TrainingSpec) -> None:
    """Attach what a training trains; it changes nothing yet.

    Raises:
        SpecError: The rank is higher than the base model's matrices allow.
    """
    if spec.adapter_kind == "whole_network":
        attach_network_change(base.network)
        return
    targets = adapter_targets(base, spec.adapted_layers)
    adaptive = spec.method == "adalora"
    rank = initial_rank(spec) if adaptive else spec.rank
    check_rank(rank, matrices(base.network, targets), spec.adapter_kind)
    if adaptive:
        attach_adaptive(base.network, spec, targets)
    elif spec.adapter_kind == "lora":
        attach_adapter(base.network, spec.rank, targets, spec.seed)
    else:
        attach_weight_changes(base.network, targets)


def adapter_parameters(network: nn.Module) -> list[nn.Parameter]:
    """What trains, in a fixed order."""
    changes = [layer.change for layer in weight_changes(network).values()]
    return [parameter for name, parameter in network.named_parameters() if ".lora_" in name] + changes


def renew_adapter(network: nn.Module, seed: int) -> None:
    """Give an attached adapter starting values again; it changes nothing then.

    Args:
        network: With LoRA, or with whole weights that train.
        seed: Of LoRA's starting values.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for _, layer in lora_layers(network, NAME):
            layer.reset_lora_parameters(NAME, True)
        for weight in weight_changes(network).values():
            weight.change.zero_()


def has_adapter(network: nn.Module) -> bool:
    """Whether one was attached."""
    return bool(_attached(network))


@contextmanager
def adapter_off(network: nn.Module) -> Generator[None]:
    """The original model for a while. Never open between a response's forward and its backward pass."""
    on = [part for part in _attached(network) if _is_on(part)]
    for part in on:
        _turn(part, on=False)
    try:
        yield
    finally:
        for part in on:
            _turn(part, on=True)


def set_strength(network: nn.Module, strength: float) -> None:
    """Multiply ΔW: 0 is the original model, 1 the adapter as trained."""
    if lora_layers(network):
        cast("Any", network).set_adapters(NAME, weights=strength)
    for layer in weight_changes(network).values():
        layer.strength = strength


def remove_adapter(network: nn.Module) -> None:
    """Give the network back the layers it had before one was attached."""
    if lora_layers(network):
        cast("Any", network).unload_lora()
    remove_weight_changes(network)


def _attached(network: nn.Module) -> list[Any]:
    """Every layer with LoRA and every ΔW of its own."""
    return [module for module in network.modules() if isinstance(module, (peft.tuners.lora.LoraLayer, WeightChange))]


def _is_on(part: Any) -> bool:
    return part.on if isinstance(part, WeightChange) else not part.disable_adapters


def _turn(part: Any, *, on: bool) -> None:
    if isinstance(part, WeightChange):
        part.on = on
    else:
        part.enable_adapters(on)
