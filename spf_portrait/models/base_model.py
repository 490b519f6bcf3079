"""A base model: its frozen parts, and typed calls into them that are the same for every family."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from spf_portrait.contract.base_info import SHARED_CLIP_FOLDER, BaseInfo
from spf_portrait.contract.bases import default_models_dir, find_base
from spf_portrait.contract.errors import ModelError
from spf_portrait.models.families.catalogue import FAMILIES
from spf_portrait.models.families.family import Family, Parts, TextSegment
from spf_portrait.models.families.folder import parts_of_folder
from spf_portrait.models.families.hub import fetched
from spf_portrait.models.families.single_file import parts_of_file
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.models.schedule import Schedule


@dataclass(frozen=True)
class BaseModel:
    """A base model of any family, all frozen. There is one denoising network, and no second one.

    Attributes:
        info: Name, place and family.
        path: Its folder or file; for a hub's model, where that was put.
        family: How its parts work together.
        parts: The parts.
        dtype: Of the frozen weights, the autoencoder's apart; an adapter's own weights are fp32.
    """

    info: BaseInfo
    path: Path
    family: Family
    parts: Parts
    dtype: torch.dtype

    @property
    def key(self) -> str:
        """Name under which users choose it."""
        return self.info.key

    @property
    def image_size_px(self) -> int:
        """Side of the pictures it was trained on."""
        return self.info.image_size_px

    @property
    def network(self) -> nn.Module:
        """What denoises and carries the adapter: a U-Net, or Stable Diffusion 3's transformer."""
        return self.parts.network

    @property
    def vae(self) -> nn.Module:
        """AutoencoderKL."""
        return self.parts.vae

    @property
    def scheduler(self) -> Any:
        """The sampler that the model's folder names."""
        return self.parts.scheduler

    @property
    def tokenizer(self) -> Any:
        """Of the first text encoder."""
        return self.parts.text_encoders[0].tokenizer

    @property
    def device(self) -> torch.device:
        """Where the network is, and what is in use beside it."""
        return self.parts.device

    @property
    def schedule(self) -> Schedule:
        """Noise levels, and the meaning of the network's answer."""
        return self.family.schedule(self.parts)

    @property
    def text_axis(self) -> tuple[TextSegment, ...]:
        """What the token axis of text embeddings consists of."""
        return self.family.text_axis(self.parts)

    @property
    def latent_channels(self) -> int:
        """Channels of a latent."""
        return int(cast("Any", self.network).config.in_channels)

    @property
    def latent_factor(self) -> int:
        """Pixels a side that one latent cell covers."""
        return 2 ** (len(cast("Any", self.vae).config.block_out_channels) - 1)

    @property
    def size_step_px(self) -> int:
        """Picture sides are multiples of this."""
        return self.latent_factor * self.family.cell_step(self.parts)


def load_base(
    key: str,
    models_dir: Path | None = None,
    device: torch.device | None = None,
    dtype: torch.dtype = torch.float32,
) -> BaseModel:
    """Load a base model by its key.

    Args:
        key: As `spf-portrait bases` lists it.
        models_dir: Folder of the base models; the default of `contract.bases` if None.
        device: `default_device` if None.
        dtype: Of the frozen weights.

    Raises:
        ModelError: There is no such base, or a part of it is missing, damaged or not supported.
    """
    info = find_base(key, models_dir)
    family = FAMILIES[info.family]
    path = info.path if info.hub is None else fetched(family, info, info.hub)
    place = device or default_device()
    try:
        if path.is_file():
            tokenizer = info.clip or (models_dir or default_models_dir()) / SHARED_CLIP_FOLDER
            parts = parts_of_file(family, info, tokenizer, place, dtype)
        else:
            parts = parts_of_folder(family, path, place, dtype)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise _damaged(path, family, error) from error
    family.schedule(parts)  # refuses a scheduler of another kind
    return BaseModel(info, path, family, parts, dtype)


def default_device() -> torch.device:
    """The GPU if there is one and else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@torch.no_grad()
def encode_text(base: BaseModel, texts: Sequence[str]) -> TextEmbedding:
    """Embeddings of texts, a row each. `prompts` tells whether a text is short enough to be read in whole."""
    return base.family.encode_text(base.parts, texts)


@torch.no_grad()
def encode_nothing(base: BaseModel) -> TextEmbedding:
    """What classifier-free guidance takes for no text, one row."""
    return base.family.unconditional(base.parts)


def encode_pixels(base: BaseModel, pixels: Tensor) -> Tensor:
    """Scaled latents (the posterior's mode) of pixels in [-1, 1], [batch, 3, height, width]."""
    vae: Any = base.vae
    with torch.no_grad():
        latents = vae.encode(pixels.to(base.device, vae.dtype)).latent_dist.mode().float()
    return (latents - (vae.config.shift_factor or 0.0)) * vae.config.scaling_factor


def decode_latents(base: BaseModel, latents: Tensor) -> Tensor:
    """Pixels, about in [-1, 1], of scaled latents; gradients pass."""
    vae: Any = base.vae
    unscaled = latents / vae.config.scaling_factor + (vae.config.shift_factor or 0.0)
    return vae.decode(unscaled.to(vae.dtype)).sample.float()


def predict(base: BaseModel, x_t: Tensor, timesteps: Tensor, text: TextEmbedding) -> Tensor:
    """The network's answer (ε, v or velocity) to noised latents, in fp32.

    Args:
        base: With or without an adapter.
        x_t: [batch, channels, height, width], on the base's device.
        timesteps: [batch], or one for all; on any device, since samplers keep theirs where they like.
        text: A row for each of the batch, on the base's device.
    """
    there = timesteps.to(x_t.device)
    return base.family.predict(base.parts, x_t.to(base.dtype), there, text.to(base.dtype)).float()


def _damaged(path: Path, family: Family, error: Exception) -> ModelError:
    return ModelError(
        "damaged_base",
        f"the base model {path}, of which a part cannot be read ({error})",
        f"a folder as {family.pipeline}.save_pretrained writes it (in safetensors), or one whole checkpoint",
        "Restore it from where it came from",
    )
