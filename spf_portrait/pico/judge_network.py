"""What the judge's networks have in common: pictures as their input, and weights from the model's folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from spf_portrait.contract.errors import ModelError
from spf_portrait.pico.renderer import IMAGE_SIZE_PX
from spf_portrait.running.untyped import safetensors_torch

Network = TypeVar("Network", bound=nn.Module)


def as_tensor(images: Sequence[Image.Image]) -> Tensor:
    """Pictures of any size → [batch, 3, 128, 128] in [−1, 1]."""
    size = (IMAGE_SIZE_PX, IMAGE_SIZE_PX)
    arrays = [np.asarray(image.convert("RGB").resize(size), dtype=np.float32) for image in images]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2) / 127.5 - 1


def convolutions(narrow: int, wide: int, stride: int) -> nn.Sequential:
    """Two 3 × 3 convolutions, from `narrow` to `wide` channels; a stride of 2 halves height and width."""
    return nn.Sequential(
        nn.Conv2d(narrow, wide, 3, stride=stride, padding=1),
        nn.GroupNorm(8, wide),
        nn.SiLU(),
        nn.Conv2d(wide, wide, 3, padding=1),
        nn.GroupNorm(8, wide),
        nn.SiLU(),
    )


def with_weights(network: Network, base: Path, file: str) -> Network:
    """The network with its weights from `base / file`, in fp32 and ready to be asked.

    Raises:
        ModelError: The file is not there.
    """
    path = base / file
    if not path.exists():
        raise ModelError(
            "judge_missing", f"no {file} in {base.name}", "a pico base with its judge", "Use the base 'pico'."
        )
    network.load_state_dict({name: tensor.float() for name, tensor in safetensors_torch.load_file(path).items()})
    return network.eval()
