"""Train the U-Net on latents of portraits that never show a held-back attribute."""

import hashlib
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from spf_portrait.pico.captions import base_phrases
from spf_portrait.pico.portrait import Attributes
from spf_portrait.pico.training.autoencoder import LATENT_CHANNELS, pixels
from spf_portrait.pico.training.clip import WIDTH
from spf_portrait.pico.training.learner import Learner
from spf_portrait.pico.training.muon import muon_and_adamw
from spf_portrait.pico.training.renders import Renders
from spf_portrait.pico.training.resumable import CPU, Budget, generator_for, train_resumably
from spf_portrait.running.untyped import diffusers

LATENT_SIZE: Final = 16
_EMPTY_CAPTIONS: Final = 0.1
_AVERAGE_DECAY: Final = 0.998
_LEARNT_LAST: Final = {"headwear": "hat"}
_SHOWN_MORE: Final = 4.0
"""How much more often portraits are shown whose value is learnt last: after 5000 steps that show all alike, seven of 24
captions with a hat got one."""


def new_unet() -> Any:
    """The untrained U-Net in Stable Diffusion 1.x's form, three levels deep."""
    return diffusers.UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(96, 192, 192),
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=6,
    )


def new_scheduler() -> Any:
    """v-prediction with no signal left at t = T: otherwise flat backgrounds would lose their brightness."""
    return diffusers.DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        steps_offset=1,
        clip_sample=False,
    )


def train_unet(
    renders: Renders,
    folder: Path,
    budget: Budget,
    autoencoder: Any,
    text_encoder: Any,
    tokenizer: Any,
    *,
    batch_size: int = 32,
    seed: int = 0,
    device: torch.device = CPU,
) -> Any:
    """Train (or go on training) and return the moving average of the weights."""
    torch.manual_seed(seed)
    model, scheduler = new_unet().to(device), new_scheduler()
    learner = Learner.of(model, muon_and_adamw(model, muon_lr=0.02, adamw_lr=4e-4), _warmup_then_fall(50, budget.steps))
    average = AveragedModel(model, multi_avg_fn=cast("Any", get_ema_multi_avg_fn(_AVERAGE_DECAY)))
    latents, chances = cached_latents(renders, folder, autoencoder, device), _chances(renders.attributes)
    text_encoder.eval().requires_grad_(False).to(device)

    def step(index: int) -> dict[str, float]:
        generator, words = generator_for(seed, index), random.Random(seed * 1_000_003 + index)
        chosen = torch.multinomial(chances, batch_size, replacement=True, generator=generator)
        captions = _captions(renders, chosen, words)
        text = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt")
        x_0 = latents[chosen].float().to(device)
        noise = torch.randn(x_0.shape, generator=generator).to(device)
        timesteps = torch.randint(1000, (batch_size,), generator=generator).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            encoded = text_encoder(text.input_ids.to(device)).last_hidden_state
            predicted = model(scheduler.add_noise(x_0, noise, timesteps), timesteps, encoded).sample
        loss = F.mse_loss(predicted.float(), scheduler.get_velocity(x_0, noise, timesteps))
        learner.update(loss)
        average.update_parameters(model)
        return {"loss": float(loss.detach())}

    state = {**learner.state, "average": average}
    train_resumably("unet", folder, budget, state, step)
    text_encoder.cpu()
    return average.module.cpu().eval()


def cached_latents(renders: Renders, folder: Path, autoencoder: Any, device: torch.device = CPU) -> Tensor:
    """Scaled latents of all portraits, float16 [count, 8, 16, 16], encoded once by each autoencoder."""
    path = folder / f"latents-{renders.digest}-{_digest(autoencoder)}.pt"
    if path.exists():
        return torch.load(path, weights_only=True)
    scale: float = autoencoder.config.scaling_factor
    batches = cast("tuple[Tensor, ...]", torch.arange(len(renders.images)).split(32))
    autoencoder.to(device)
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        parts: list[Tensor] = [
            autoencoder.encode(pixels(renders, batch).to(device)).latent_dist.mode().cpu()
            for batch in tqdm(batches, "encoding")
        ]
    autoencoder.cpu()
    latents = (torch.cat(parts).float() * scale).half()
    partial = path.with_suffix(".partial")
    torch.save(latents, partial)
    os.replace(partial, path)
    return latents


def _digest(autoencoder: Any) -> str:
    weights: dict[str, Tensor] = autoencoder.state_dict()
    return hashlib.sha256(b"".join(weight.cpu().numpy().tobytes() for weight in weights.values())).hexdigest()[:12]


def _chances(portraits: Sequence[Attributes]) -> Tensor:
    """How likely each portrait is to be shown, [count]; in no unit."""
    late = [any(portrait[axis] == value for axis, value in _LEARNT_LAST.items()) for portrait in portraits]
    return torch.where(torch.tensor(late), _SHOWN_MORE, 1.0)


def _captions(renders: Renders, chosen: Tensor, words: random.Random) -> list[str]:
    rows = cast("list[int]", chosen.tolist())
    return ["" if words.random() < _EMPTY_CAPTIONS else _caption(renders, row, words) for row in rows]


def _caption(renders: Renders, index: int, words: random.Random) -> str:
    return ", ".join(base_phrases(renders.attributes[index], words, keep=words.choice((0.4, 0.65, 1.0))))


def _warmup_then_fall(warmup: int, total: int) -> Callable[[int], float]:
    """Full rate until three quarters of the way, then linearly down to a tenth."""

    def factor(step: int) -> float:
        progress = step / max(1, total)
        return min((step + 1) / warmup, 1.0 if progress < 0.75 else 1.0 - 0.9 * min(1.0, (progress - 0.75) / 0.25))

    return factor
