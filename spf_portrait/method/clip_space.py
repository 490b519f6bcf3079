"""CLIP's common space of pictures and texts, for the enhancement loss and for the distances between phrases."""

import json
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from spf_portrait.contract.base_info import CLIP_DOWNLOAD, CLIP_FOLDER, SHARED_CLIP_FOLDER
from spf_portrait.contract.errors import ModelError
from spf_portrait.models.base_model import BaseModel, encode_text
from spf_portrait.running.untyped import safetensors, transformers


class TextSpace(Protocol):
    """Where distances between phrases are measured."""

    def texts(self, texts: list[str]) -> Tensor:
        """t(·): unit embeddings [texts, width] of whole texts or single phrases."""
        ...


class EncoderSpace:
    """The pooled output of the base model's own text encoder, for a base without CLIP."""

    def __init__(self, base: BaseModel) -> None:
        self._base = base

    def texts(self, texts: list[str]) -> Tensor:
        """t(·): unit embeddings [texts, width]."""
        return F.normalize(encode_text(self._base, texts).pooled.float(), dim=-1)


class ClipTexts:
    """The texts of a frozen CLIP: for distances between phrases its picture tower need not be in memory.

    Args:
        tower: CLIPTextModelWithProjection, in eval mode.
        tokenizer: Its own.
    """

    def __init__(self, tower: Any, tokenizer: Any) -> None:
        self._tower, self._tokenizer = tower, tokenizer
        self._tokens = int(tower.config.max_position_embeddings)

    def texts(self, texts: list[str]) -> Tensor:
        """t(·): unit embeddings [texts, width] of whole texts or single phrases."""
        tokens = _tokenized(self._tokenizer, texts, self._tokens).to(self._tower.device)
        with torch.no_grad():
            return F.normalize(self._tower(**tokens).text_embeds, dim=-1)


class ClipSpace:
    """A frozen CLIP with gradients through its picture tower.

    Args:
        clip: CLIPModel, in eval mode.
        tokenizer: Of its text tower.
        mean: Channel mean of what the picture tower was trained on, pixels in [0, 1].
        deviation: Channel standard deviation.
    """

    def __init__(self, clip: Any, tokenizer: Any, mean: list[float], deviation: list[float]) -> None:
        self._clip = clip
        self._tokenizer = tokenizer
        self.size_px = int(clip.config.vision_config.image_size)
        """Side of the pictures that it looks at."""
        self._tokens = int(clip.config.text_config.max_position_embeddings)
        self._mean = torch.tensor(mean, device=clip.device)[:, None, None]
        self._deviation = torch.tensor(deviation, device=clip.device)[:, None, None]

    def pictures(self, pixels: Tensor) -> Tensor:
        """i(·): pixels in [-1, 1], [batch, 3, height, width] → unit embeddings [batch, width]."""
        size = (self.size_px, self.size_px)
        seen = pixels.to(self._mean.device, torch.float32)
        shrunk = F.interpolate(seen, size, mode="bicubic", antialias=True, align_corners=False)
        normal = (shrunk / 2 + 0.5 - self._mean) / self._deviation
        return F.normalize(self._clip.get_image_features(pixel_values=normal).pooler_output, dim=-1)

    def texts(self, texts: list[str]) -> Tensor:
        """t(·): unit embeddings [texts, width] of whole texts or single phrases."""
        tokens = _tokenized(self._tokenizer, texts, self._tokens).to(self._clip.device)
        with torch.no_grad():
            return F.normalize(self._clip.get_text_features(**tokens).pooler_output, dim=-1)


def clip_of(base: BaseModel) -> ClipSpace:
    """The CLIP that belongs to a base model.

    Raises:
        ModelError: There is none.
    """
    if base.info.clip is None:
        raise ModelError(
            "no_clip",
            f"no CLIP model for {base.key}, which the enhancement loss looks with",
            f"a folder with config.json and weights of a CLIPModel: {CLIP_FOLDER} in the base model's folder, "
            f"{SHARED_CLIP_FOLDER} in the models folder, or one named as clip in bases.toml",
            f"Get it once, in the models folder: {CLIP_DOWNLOAD} --local-dir {SHARED_CLIP_FOLDER}; or train without "
            "enhancement (losses.enhancement=false), which needs none",
        )
    return clip_in_folder(base.info.clip, base.tokenizer, base.device)


def text_space_of(base: BaseModel) -> TextSpace:
    """CLIP's, or that of the base model's own text encoder where there is no CLIP.

    Raises:
        ModelError: The CLIP cannot be read.
    """
    folder = base.info.clip
    if folder is None:
        return EncoderSpace(base)
    tower = _weights(transformers.CLIPTextModelWithProjection, folder, base.device, config=_text_config(folder))
    return ClipTexts(tower, _tokenizer_of(folder, base.tokenizer))


def load_clip_space(model_folder: Path, tokenizer: Any, device: torch.device) -> ClipSpace:
    """The CLIP that lies in a model's folder.

    Args:
        model_folder: With a folder `clip`.
        tokenizer: Used unless the CLIP brings its own.
        device: Where it goes.

    Raises:
        ModelError: There is none, or it cannot be read.
    """
    folder = model_folder / CLIP_FOLDER
    if not (folder / "config.json").is_file():
        raise ModelError(
            "no_clip",
            f"no CLIP model in {folder}",
            "a folder with config.json and weights of a CLIPModel",
            "Put the CLIP there whose text tower the model uses",
        )
    return clip_in_folder(folder, tokenizer, device)


def clip_in_folder(folder: Path, tokenizer: Any, device: torch.device) -> ClipSpace:
    """The CLIP of a folder.

    Args:
        folder: With config.json and weights of a CLIPModel.
        tokenizer: Used unless the CLIP brings its own.
        device: Where it goes.

    Raises:
        ModelError: It cannot be read.
    """
    clip = _weights(transformers.CLIPModel, folder, device)
    return ClipSpace(clip, _tokenizer_of(folder, tokenizer), *_normalisation(folder))


def _weights(model_class: Any, folder: Path, device: torch.device, **options: Any) -> Any:
    """Frozen, in fp32. Pickled weights are not read: they may hold code.

    Raises:
        ModelError: The folder has no weights in safetensors, or damaged ones.
    """
    try:
        clip = model_class.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, **options)
    except (OSError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise ModelError(
            "damaged_clip",
            f"a CLIP model in {folder} that cannot be read ({str(error).partition(chr(10))[0]})",
            "config.json and the weights of a CLIPModel in safetensors",
            "Restore it from where it came from; weights in another format have to be saved as safetensors first",
        ) from error
    return clip.eval().requires_grad_(False).to(device)


def _text_config(folder: Path) -> Any:
    """Of the text tower. How wide the common space is stands in the configuration of the whole, and only there."""
    whole = transformers.CLIPConfig.from_pretrained(folder)
    whole.text_config.projection_dim = whole.projection_dim
    return whole.text_config


def _tokenizer_of(folder: Path, otherwise: Any) -> Any:
    """The CLIP's own, if it brings one."""
    own = any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json"))
    return transformers.CLIPTokenizer.from_pretrained(folder) if own else otherwise


def _tokenized(tokenizer: Any, texts: list[str], most: int) -> Any:
    """Token ids and attention mask, cut to what the text tower reads."""
    return tokenizer(texts, padding=True, truncation=True, max_length=most, return_tensors="pt")


def _normalisation(folder: Path) -> tuple[list[float], list[float]]:
    """What the picture tower expects; a folder without preprocessor file means pixels in [-1, 1]."""
    file = folder / "preprocessor_config.json"
    config: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return list(config.get("image_mean", [0.5] * 3)), list(config.get("image_std", [0.5] * 3))
