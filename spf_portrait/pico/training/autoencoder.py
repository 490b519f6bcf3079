"""Train the autoencoder: 128 × 128 pixels ↔ 16 × 16 latents of eight channels."""

import math
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
from torch import Tensor

from spf_portrait.pico.training.learner import Learner, cosine_with_warmup
from spf_portrait.pico.training.muon import muon_and_adamw
from spf_portrait.pico.training.renders import Renders
from spf_portrait.pico.training.resumable import CPU, Budget, generator_for, train_resumably
from spf_portrait.running.untyped import diffusers

LATENT_CHANNELS: Final = 8
_CHANNELS: Final = (16, 32, 64, 128)
_LATENT_NOISE: Final = 0.2
"""The decoder learns to read latents that are off by up to this much, as those of a U-Net are."""
_POSTERIOR_WIDTH: Final = 0.05


def new_autoencoder() -> Any:
    """The untrained autoencoder, 2.6 M parameters."""
    blocks = len(_CHANNELS)
    return diffusers.AutoencoderKL(
        block_out_channels=_CHANNELS,
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=4,
        mid_block_add_attention=False,
        sample_size=128,
    )


def train_autoencoder(
    renders: Renders, folder: Path, budget: Budget, *, batch_size: int = 8, seed: int = 0, device: torch.device = CPU
) -> Any:
    """Train (or go on training) until the steps are done, then fix the latent scale."""
    torch.manual_seed(seed)
    model = new_autoencoder().to(device)
    learner = Learner.of(
        model, muon_and_adamw(model, muon_lr=0.02, adamw_lr=1.5e-3), cosine_with_warmup(20, budget.steps)
    )

    def step(index: int) -> dict[str, float]:
        generator = generator_for(seed, index)
        images = pixels(renders, torch.randint(len(renders.images), (batch_size,), generator=generator)).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            latents: Tensor = model.encode(images).latent_dist.mode()
            decoded: Tensor = model.decode(latents + _latent_noise(latents.shape, generator).to(device)).sample
        loss = reconstruction_loss(decoded.float(), images) + 1e-3 * _unit_scale_loss(latents.float())
        learner.update(loss)
        return {"loss": float(loss.detach()), "psnr": psnr(decoded.float(), images)}

    train_resumably("autoencoder", folder, budget, learner.state, step)
    return _with_fixed_scale(model.cpu().eval(), renders)


def pixels(renders: Renders, indices: Tensor) -> Tensor:
    """Images in [−1, 1], float [batch, 3, 128, 128]."""
    rows = cast("list[int]", indices.tolist())
    array = np.stack([renders.images[row] for row in rows])
    return torch.from_numpy(array).permute(0, 3, 1, 2).float() / 127.5 - 1


def reconstruction_loss(decoded: Tensor, images: Tensor) -> Tensor:
    """|x̂ − x| + 2 (x̂ − x)² + ½ |∇x̂ − ∇x|: the last term keeps thin lines sharp."""
    horizontal = (decoded.diff(dim=-1) - images.diff(dim=-1)).abs().mean()
    vertical = (decoded.diff(dim=-2) - images.diff(dim=-2)).abs().mean()
    difference = decoded - images
    return difference.abs().mean() + 2 * difference.square().mean() + 0.5 * (horizontal + vertical)


def psnr(decoded: Tensor, images: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of images in [−1, 1]."""
    error = ((decoded.clamp(-1, 1) - images) / 2).square().mean()
    return float(-10 * torch.log10(error))


def _latent_noise(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Noise of another width for each picture, from none to `_LATENT_NOISE`."""
    width = _LATENT_NOISE * torch.rand((shape[0], 1, 1, 1), generator=generator)
    return width * torch.randn(shape, generator=generator)


def _unit_scale_loss(latents: Tensor) -> Tensor:
    return (latents.square().mean() - 1).square()


def _with_fixed_scale(model: Any, renders: Renders) -> Any:
    """Latents get unit variance by `scaling_factor`; the posterior a small constant width, as trained with."""
    with torch.no_grad():
        model.quant_conv.weight[LATENT_CHANNELS:] = 0
        model.quant_conv.bias[LATENT_CHANNELS:] = 2 * math.log(_POSTERIOR_WIDTH)
        sample = pixels(renders, torch.arange(min(256, len(renders.images))))
        parts = cast("tuple[Tensor, ...]", sample.split(16))
        scale = torch.cat([model.encode(part).latent_dist.mode() for part in parts]).std()
    model.register_to_config(scaling_factor=1.0 / float(scale))
    return model
