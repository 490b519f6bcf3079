"""Train the parser: a small network that says which part of the portrait covers each pixel.

It is used by no loss, so that no method can be trained to please it.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from spf_portrait.pico.parser import Parser
from spf_portrait.pico.parsing import Part
from spf_portrait.pico.training.class_maps import load_or_draw_maps
from spf_portrait.pico.training.learner import Learner, cosine_with_warmup
from spf_portrait.pico.training.mixed_pictures import MixedPictures
from spf_portrait.pico.training.muon import muon_and_adamw
from spf_portrait.pico.training.renders import Renders
from spf_portrait.pico.training.resumable import CPU, Budget, generator_for, train_resumably


def train_parser(
    renders: Renders,
    folder: Path,
    budget: Budget,
    autoencoder: Any,
    *,
    batch_size: int = 8,
    seed: int = 0,
    device: torch.device = CPU,
) -> Parser:
    """Half of each batch has gone through the autoencoder, so that generated pictures are read as well as renders."""
    torch.manual_seed(seed)
    model = Parser().to(device)
    learner = Learner.of(
        model, muon_and_adamw(model, muon_lr=0.05, adamw_lr=3e-3), cosine_with_warmup(20, budget.steps)
    )
    maps = load_or_draw_maps(folder, renders.attributes)
    pictures = MixedPictures.of(renders, autoencoder, device)

    def step(index: int) -> dict[str, float]:
        images, numbers = pictures.drawn(batch_size // 2, generator_for(seed, index))
        with torch.autocast(device.type, torch.bfloat16):
            logits = model(images.to(device))
        loss = parsing_loss(logits.float(), _rows(maps, numbers).to(device))
        learner.update(loss)
        return {"loss": float(loss.detach())}

    train_resumably("parser", folder, budget, learner.state, step)
    return model.cpu().eval()


def parsing_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy + 1 − mean over parts of Σ pt / Σ (p + t − pt): the second term makes the mouth weigh as the skin.

    Args:
        logits: [batch, parts, height, width].
        truth: Numbers of parts, [batch, height, width].
    """
    p = logits.softmax(dim=1)
    t = F.one_hot(truth, len(Part)).movedim(-1, 1)
    both, either = (p * t).sum(dim=(0, 2, 3)), (p + t - p * t).sum(dim=(0, 2, 3))
    overlap = (both + 1) / (either + 1)
    return F.cross_entropy(logits, truth) + 1 - overlap.mean()


def _rows(maps: NDArray[np.uint8], indices: Tensor) -> Tensor:
    return torch.from_numpy(maps[indices.numpy()]).long()
