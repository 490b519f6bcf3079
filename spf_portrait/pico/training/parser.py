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
from spf_portrait.pico.training.autoencoder import pixels
from spf_portrait.pico.training.class_maps import load_or_draw_maps
from spf_portrait.pico.training.judge import reconstructions
from spf_portrait.pico.training.muon import muon_and_adamw
from spf_portrait.pico.training.renders import Renders
from spf_portrait.pico.training.resumable import (
    CPU,
    Budget,
    cosine_with_warmup,
    generator_for,
    state_of,
    train_resumably,
    update,
)


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
    optimizers = muon_and_adamw(model, muon_lr=0.05, adamw_lr=3e-3)
    factor = cosine_with_warmup(20, budget.steps)
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, factor) for optimizer in optimizers]
    maps = load_or_draw_maps(folder, renders.attributes)
    through_autoencoder = reconstructions(renders, autoencoder, device=device)

    def step(index: int) -> dict[str, float]:
        generator = generator_for(seed, index)
        half = batch_size // 2
        plain = torch.randint(len(maps), (half,), generator=generator)
        decoded = torch.randint(len(through_autoencoder), (half,), generator=generator)
        images = torch.cat([pixels(renders, plain), through_autoencoder[decoded].float()]).to(device)
        truth = _rows(maps, torch.cat([plain, decoded])).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            logits = model(images)
        loss = parsing_loss(logits.float(), truth)
        update(model, loss, optimizers, schedules)
        return {"loss": float(loss.detach())}

    train_resumably("parser", folder, budget, state_of(model, optimizers, schedules), step)
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
