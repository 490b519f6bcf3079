"""Pictures as tensors, for networks that look at pixels."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def pixels_of(picture: Image.Image) -> Tensor:
    """RGB → [3, height, width] in [-1, 1]."""
    pixels = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)
    return pixels.float() / 127.5 - 1
