"""Train the judge: a small network that names the value of every axis, held-back values included.

It is used by no loss, so that no method can be trained to please it.
"""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from spf_portrait.pico.domain import AXIS
from spf_portrait.pico.judge import Judge
from spf_portrait.pico.training.labels import HIDDEN, visible_labels
from spf_portrait.pico.training.learner import Learner, cosine_with_warmup
from spf_portrait.pico.training.mixed_pictures import MixedPictures
from spf_portrait.pico.training.muon import muon_and_adamw
from spf_portrait.pico.training.renders import Renders
from spf_portrait.pico.training.resumable import CPU, Budget, generator_for, train_resumably


def train_judge(
    renders: Renders,
    folder: Path,
    budget: Budget,
    autoencoder: Any,
    *,
    batch_size: int = 32,
    seed: int = 0,
    device: torch.device = CPU,
) -> Judge:
    """Half of each batch has gone through the autoencoder, so that the judge also reads generated pictures."""
    torch.manual_seed(seed)
    model = Judge().to(device)
    learner = Learner.of(
        model, muon_and_adamw(model, muon_lr=0.02, adamw_lr=1e-3), cosine_with_warmup(50, budget.steps)
    )
    truth = visible_labels(renders.attributes)
    pictures = MixedPictures.of(renders, autoencoder, device)

    def step(index: int) -> dict[str, float]:
        images, numbers = pictures.drawn(batch_size // 2, generator_for(seed, index))
        with torch.autocast(device.type, torch.bfloat16):
            logits = model(images.to(device))
        loss = sum_of_losses(logits, truth[numbers].to(device))
        learner.update(loss)
        return {"loss": float(loss.detach())}

    train_resumably("classifier", folder, budget, learner.state, step)
    return model.cpu().eval()


def sum_of_losses(logits: dict[str, Tensor], truth: Tensor) -> Tensor:
    """Cross-entropy summed over axes; logits axis → [batch, values], truth [batch, axes]."""
    losses = [F.cross_entropy(logits[name].float(), truth[:, i], ignore_index=HIDDEN) for i, name in enumerate(AXIS)]
    return torch.stack(losses).sum()
