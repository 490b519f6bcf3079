"""Adapters on a denoising network: LoRA, AdaLoRA, whole changed matrices, or all weights. Off means off, bit for bit.

The frozen reference path and the tuned response path are one set of weights: with the adapter off, the network computes
exactly what it did before one was attached.
"""

from spf_portrait.adapter.adaptive_rank import adaptive_deltas, adaptive_layers
from spf_portrait.adapter.attached import (
    adapter_off,
    adapter_parameters,
    attach_new_adapter,
    has_adapter,
    remove_adapter,
    renew_adapter,
    set_strength,
)
from spf_portrait.adapter.layers import adapter_targets, check_rank, matrices
from spf_portrait.adapter.loaded import adapters_loaded, load_adapter
from spf_portrait.adapter.lora import Deltas, adapter_deltas, attach_adapter, lora_layers
from spf_portrait.adapter.weight_changes import attach_network_change, attach_weight_changes, weight_changes
from spf_portrait.models.families.targets import ALL_ATTENTION, CROSS_ATTENTION

__all__ = [
    "ALL_ATTENTION",
    "CROSS_ATTENTION",
    "Deltas",
    "adapter_deltas",
    "adapter_off",
    "adapter_parameters",
    "adapter_targets",
    "adapters_loaded",
    "adaptive_deltas",
    "adaptive_layers",
    "attach_adapter",
    "attach_network_change",
    "attach_new_adapter",
    "attach_weight_changes",
    "check_rank",
    "has_adapter",
    "load_adapter",
    "lora_layers",
    "matrices",
    "remove_adapter",
    "renew_adapter",
    "set_strength",
    "weight_changes",
]
