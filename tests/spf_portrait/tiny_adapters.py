"""Adapters that were never trained but change something."""

from pathlib import Path

import torch
from torch import nn

from spf_portrait.adapter import CROSS_ATTENTION, adapter_deltas, adapter_parameters, attach_adapter, remove_adapter
from spf_portrait.adapter.kohya_names import kohya_names
from spf_portrait.export.tensors import kohya_tensors
from spf_portrait.running.untyped import safetensors_torch


def scramble(network: nn.Module, seed: int = 0, spread: float = 0.2) -> None:
    """Fill an attached adapter, of either kind, with noise."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in adapter_parameters(network):
            parameter.normal_(std=spread, generator=generator)


def write_adapter(network: nn.Module, file: Path, seed: int = 0) -> Path:
    """A file with such an adapter of rank 2; the network is left as it was."""
    attach_adapter(network, 2, CROSS_ATTENTION)
    scramble(network, seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    safetensors_torch.save_file(kohya_tensors(adapter_deltas(network), kohya_names(network)), file)
    remove_adapter(network)
    return file
