"""A base model in diffusers layout: its frozen parts, and typed calls into them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from spf_portrait.contract.bases import find_base
from spf_portrait.contract.errors import ModelError
from spf_portrait.schedule import Schedule
from spf_portrait.untyped import diffusers, transformers


@dataclass(frozen=True)
class BaseModel:
    """The parts of a Stable Diffusion 1.x pipeline, all frozen, in fp32. There is one U-Net, and no second one.

    Attributes:
        key: Name under which users choose it.
        path: Its folder.
        image_size_px: Side of the pictures it was trained on.
        tokenizer: CLIPTokenizer.
        text_encoder: CLIPTextModel.
        vae: AutoencoderKL.
        unet: UNet2DConditionModel.
        scheduler: The sampler that the model's folder names, used for training's ᾱ too.
        device: Where the parts are.
    """

    key: str
    path: Path
    image_size_px: int
    tokenizer: Any
    text_encoder: nn.Module
    vae: nn.Module
    unet: nn.Module
    scheduler: Any
    device: torch.device

    @property
    def schedule(self) -> Schedule:
        """ᾱ and the meaning of the U-Net's output."""
        return Schedule(self.scheduler.alphas_cumprod.to(self.device), self.scheduler.config.prediction_type)

    @property
    def latent_channels(self) -> int:
        """Channels of a latent."""
        return int(cast("Any", self.unet).config.in_channels)

    @property
    def latent_factor(self) -> int:
        """Pixels a side that one latent cell covers."""
        return 2 ** (len(cast("Any", self.vae).config.block_out_channels) - 1)

    @property
    def size_step_px(self) -> int:
        """Picture sides are multiples of this: the U-Net must be able to halve the latents at every level."""
        return self.latent_factor * 2 ** (len(cast("Any", self.unet).config.block_out_channels) - 1)


def load_base(key: str, models_dir: Path | None = None, device: torch.device | None = None) -> BaseModel:
    """Load a base model by its key.

    Args:
        key: As `spf-portrait bases` lists it.
        models_dir: Folder of the base models; the default of `contract.bases` if None.
        device: The GPU if there is one and else the CPU, if None.

    Raises:
        ModelError: There is no such base, or a part of it is missing, damaged or not supported.
    """
    info = find_base(key, models_dir)
    place = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        base = BaseModel(
            key=key,
            path=info.path,
            image_size_px=info.image_size_px,
            tokenizer=transformers.CLIPTokenizer.from_pretrained(info.path / "tokenizer"),
            text_encoder=_frozen(
                transformers.CLIPTextModel.from_pretrained(info.path / "text_encoder", dtype=torch.float32), place
            ),
            vae=_frozen(diffusers.AutoencoderKL.from_pretrained(info.path / "vae", dtype=torch.float32), place),
            unet=_frozen(
                diffusers.UNet2DConditionModel.from_pretrained(info.path / "unet", dtype=torch.float32), place
            ),
            scheduler=_scheduler(info.path / "scheduler"),
            device=place,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(
            "damaged_base",
            f"the base model {info.path}, of which a part cannot be read ({error})",
            "a folder as StableDiffusionPipeline.save_pretrained writes it",
            "Restore the folder from where it came from",
        ) from error
    _check_supported(base)
    return base


def encode_text(base: BaseModel, token_ids: Tensor) -> Tensor:
    """Text embeddings [batch, tokens, width] of token ids [batch, tokens]."""
    with torch.no_grad():
        return cast("Any", base.text_encoder)(token_ids.to(base.device)).last_hidden_state


def encode_pixels(base: BaseModel, pixels: Tensor) -> Tensor:
    """Scaled latents (the posterior's mode) of pixels in [-1, 1], [batch, 3, height, width]."""
    vae: Any = base.vae
    with torch.no_grad():
        latents = vae.encode(pixels.to(base.device)).latent_dist.mode()
    return (latents - (vae.config.shift_factor or 0.0)) * vae.config.scaling_factor


def decode_latents(base: BaseModel, latents: Tensor) -> Tensor:
    """Pixels, about in [-1, 1], of scaled latents; gradients pass."""
    vae: Any = base.vae
    return vae.decode(latents / vae.config.scaling_factor + (vae.config.shift_factor or 0.0)).sample


def predict(base: BaseModel, x_t: Tensor, timesteps: Tensor, states: Tensor) -> Tensor:
    """The U-Net's answer (ε or v) to noised latents [batch, channels, height, width] and text embeddings."""
    return cast("Any", base.unet)(x_t, timesteps, encoder_hidden_states=states).sample


def _frozen(part: Any, device: torch.device) -> nn.Module:
    return part.eval().requires_grad_(False).to(device)


def _scheduler(folder: Path) -> Any:
    """The sampler named by its own configuration."""
    config: Any = diffusers.DDIMScheduler.load_config(folder)  # every scheduler reads the same file
    return getattr(diffusers, config["_class_name"]).from_config(config)


def _check_supported(base: BaseModel) -> None:
    config: Any = base.scheduler.config
    if config.get("prediction_type") not in ("epsilon", "v_prediction") or not hasattr(
        base.scheduler, "alphas_cumprod"
    ):
        raise ModelError(
            "unsupported_prediction",
            f"prediction type {config.get('prediction_type')!r} in {base.path / 'scheduler'}",
            "epsilon or v_prediction",
            "Choose a base model of the Stable Diffusion 1.x family",
        )
