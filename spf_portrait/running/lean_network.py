"""Two ways for a network to need less memory while it trains."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import nn

from spf_portrait.contract.training_spec import Precision


@contextmanager
def lean(network: nn.Module, *, gradient_checkpointing: bool, precision: Precision) -> Generator[None]:
    """Let a network save memory for a while.

    Args:
        network: Of diffusers.
        gradient_checkpointing: Keep the inputs of blocks alone, and run the blocks again in the backward pass. The
            adapter must be as it was then; what listens on the network may have changed.
        precision: Of matrix products and convolutions, whatever the weights are kept in. What comes out of the
            network, and so every loss, is fp32.
    """
    changed = cast("Any", network)
    if gradient_checkpointing:
        changed.enable_gradient_checkpointing()
    if precision == "bf16":
        device = next(network.parameters()).device.type
        changed.forward = torch.autocast(device, torch.bfloat16)(network.forward)
    try:
        yield
    finally:
        if gradient_checkpointing:
            changed.disable_gradient_checkpointing()
        if precision == "bf16":
            del changed.forward
