"""Tells two base models of one name apart, without reading all of their weights."""

import hashlib
import json
from typing import Any, Final

from torch import Tensor, nn

from spf_portrait.models.base_model import BaseModel

_NUMBERS: Final = 256
"""Looked at in each tensor: a training changes them all."""


def base_fingerprint(base: BaseModel) -> str:
    """sha256 over the sampler's settings and a few numbers of every tensor that draws, in hex.

    Args:
        base: Without adapter.
    """
    scheduler: Any = base.scheduler
    digest = hashlib.sha256(json.dumps(dict(scheduler.config), sort_keys=True, default=str).encode())
    for part in (base.network, base.vae, *(encoder.model for encoder in base.parts.text_encoders)):
        _add(digest, part)
    return digest.hexdigest()


def _add(digest: Any, part: nn.Module) -> None:
    for name, tensor in part.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)} ".encode())
        digest.update(_sparse(tensor).cpu().double().numpy().tobytes())


def _sparse(tensor: Tensor) -> Tensor:
    """Evenly spread numbers of a tensor, at most twice `_NUMBERS`."""
    flat = tensor.reshape(-1)
    return flat[:: max(1, len(flat) // _NUMBERS)]
