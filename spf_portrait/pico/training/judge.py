"""Train the judge: a small network that names the value of every axis, held-back values included.

It is used by no loss, so that no method can be trained to please it.
"""

from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from spf_portrait.pico.domain import AXIS
from spf_portrait.pico.judge import Judge
from spf_portrait.pico.training.autoencoder import pixels
from spf_portrait.pico.training.labels import HIDDEN, visible_labels
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
    optimizers = muon_and_adamw(model, muon_lr=0.02, adamw_lr=1e-3)
    factor = cosine_with_warmup(50, budget.steps)
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, factor) for optimizer in optimizers]
    truth = visible_labels(renders.attributes)
    through_autoencoder = reconstructions(renders, autoencoder, device=device)

    def step(index: int) -> dict[str, float]:
        generator = generator_for(seed, index)
        half = batch_size // 2
        plain = torch.randint(len(truth), (half,), generator=generator)
        decoded = torch.randint(len(through_autoencoder), (half,), generator=generator)
        chosen = torch.cat([plain, decoded])
        images = torch.cat([pixels(renders, plain), through_autoencoder[decoded].float()]).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            logits = model(images)
        loss = sum_of_losses(logits, truth[chosen].to(device))
        update(model, loss, optimizers, schedules)
        return {"loss": float(loss)}

    train_resumably("classifier", folder, budget, state_of(model, optimizers, schedules), step)
    return model.cpu().eval()


def sum_of_losses(logits: dict[str, Tensor], truth: Tensor) -> Tensor:
    """Cross-entropy summed over axes; logits axis → [batch, values], truth [batch, axes]."""
    losses = [F.cross_entropy(logits[name].float(), truth[:, i], ignore_index=HIDDEN) for i, name in enumerate(AXIS)]
    return torch.stack(losses).sum()


@torch.no_grad()
def reconstructions(renders: Renders, autoencoder: Any, count: int = 2000, device: torch.device = CPU) -> Tensor:
    """The first `count` portraits after a passage through the autoencoder, float16 [count, 3, 128, 128]."""
    batches = cast("tuple[Tensor, ...]", torch.arange(min(count, len(renders.images))).split(16))
    autoencoder.to(device)
    with torch.autocast(device.type, torch.bfloat16):
        latents = (
            autoencoder.encode(pixels(renders, batch).to(device)).latent_dist.sample()
            for batch in tqdm(batches, "decoding")
        )
        decoded = [autoencoder.decode(part).sample.clamp(-1, 1).half().cpu() for part in latents]
    autoencoder.cpu()
    return torch.cat(decoded)
