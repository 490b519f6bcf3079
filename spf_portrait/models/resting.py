"""Parts of a base model that wait on the CPU while no step of a training needs them."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import torch
from torch import nn

from spf_portrait.models.base_model import BaseModel

_RESTING: Final = torch.device("cpu")


def rest(base: BaseModel, *, autoencoder: bool) -> None:
    """Send the text encoders to the CPU, and the autoencoder too if `autoencoder` says so.

    Until `awake`, what is sent can neither encode nor decode on another device.
    """
    for part in _around_network(base):
        if autoencoder or part is not base.vae:
            part.to(_RESTING)


@contextmanager
def awake(base: BaseModel) -> Generator[None]:
    """All parts on the base model's device for a while, as drawing needs them; then each is where it was."""
    resting = [part for part in _around_network(base) if next(part.parameters()).device != base.device]
    try:
        for part in resting:
            part.to(base.device)
        yield
    finally:
        for part in resting:
            part.to(_RESTING)


def _around_network(base: BaseModel) -> list[nn.Module]:
    return [*(encoder.model for encoder in base.parts.text_encoders), base.vae]
