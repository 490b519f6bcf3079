"""A file that holds the differences of all weights of a network; no other tool reads it."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from spf_portrait.adapter.weight_changes import attach_network_change, weight_changes
from spf_portrait.contract.errors import ModelError

PREFIX: Final = "change."
STORED: Final = torch.float16


def network_tensors(network: nn.Module) -> dict[str, Tensor]:
    """Every ΔW of a network whose weights all train, in half precision, under the names that go into the file."""
    changes = weight_changes(network)
    return {f"{PREFIX}{path}": w.change.detach().to(STORED).cpu().contiguous() for path, w in changes.items()}


def holds_network_change(tensors: Mapping[str, Tensor]) -> bool:
    """Whether these are of such a file."""
    return bool(tensors) and all(key.startswith(PREFIX) for key in tensors)


def attach_network_tensors(network: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Attach what `network_tensors` gave.

    Args:
        network: Without adapter.
        tensors: By their names in the file.
        source: The file, for messages.

    Raises:
        ModelError: They are another network's.
    """
    wanted = {f"{PREFIX}{path}": tuple(weight.shape) for path, weight in network.named_parameters()}
    if wanted != {key: tuple(tensor.shape) for key, tensor in tensors.items()}:
        raise ModelError(
            "unusable_adapter",
            f"differences of another network's weights in {source}",
            "those of this base model",
            "Choose the base model that it was trained on",
        )
    attach_network_change(network)
    with torch.no_grad():
        for path, layer in weight_changes(network).items():
            layer.change.copy_(tensors[f"{PREFIX}{path}"])
