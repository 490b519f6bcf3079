"""CLIP's common space of pictures and texts, for the enhancement loss and for the distances between phrases."""

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from spf_portrait.contract.errors import ModelError
from spf_portrait.untyped import transformers

CLIP_FOLDER = "clip"


class ClipSpace:
    """A frozen CLIP with gradients through its picture tower.

    Args:
        clip: CLIPModel, in eval mode.
        tokenizer: Of the base model; the CLIP shares its vocabulary.
        mean: Channel mean of what the picture tower was trained on, pixels in [0, 1].
        deviation: Channel standard deviation.
    """

    def __init__(self, clip: Any, tokenizer: Any, mean: list[float], deviation: list[float]) -> None:
        self._clip = clip
        self._tokenizer = tokenizer
        self._size_px = int(clip.config.vision_config.image_size)
        self._mean = torch.tensor(mean, device=clip.device)[:, None, None]
        self._deviation = torch.tensor(deviation, device=clip.device)[:, None, None]

    def pictures(self, pixels: Tensor) -> Tensor:
        """i(·): pixels in [-1, 1], [batch, 3, height, width] → unit embeddings [batch, width]."""
        size = (self._size_px, self._size_px)
        shrunk = F.interpolate(pixels.float(), size, mode="bicubic", antialias=True, align_corners=False)
        normal = (shrunk / 2 + 0.5 - self._mean) / self._deviation
        return F.normalize(self._clip.get_image_features(pixel_values=normal).pooler_output, dim=-1)

    def texts(self, texts: list[str]) -> Tensor:
        """t(·): unit embeddings [texts, width] of whole texts or single phrases."""
        tokens = self._tokenizer(texts, padding=True, truncation=True, return_tensors="pt").to(self._clip.device)
        with torch.no_grad():
            return F.normalize(self._clip.get_text_features(**tokens).pooler_output, dim=-1)


def load_clip_space(base_folder: Path, tokenizer: Any, device: torch.device) -> ClipSpace:
    """The CLIP that lies in the base model's folder.

    Raises:
        ModelError: There is none.
    """
    folder = base_folder / CLIP_FOLDER
    if not (folder / "config.json").is_file():
        raise ModelError(
            "no_clip",
            f"no CLIP model in {folder}",
            "a folder with config.json and weights of a CLIPModel",
            "Put the CLIP there whose text tower the base model uses, or train with method lora",
        )
    clip: Any = transformers.CLIPModel.from_pretrained(folder, dtype=torch.float32)
    mean, deviation = _normalisation(folder)
    return ClipSpace(clip.eval().requires_grad_(False).to(device), tokenizer, mean, deviation)


def _normalisation(folder: Path) -> tuple[list[float], list[float]]:
    """What the picture tower expects; a folder without preprocessor file means pixels in [-1, 1]."""
    file = folder / "preprocessor_config.json"
    config: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return list(config.get("image_mean", [0.5] * 3)), list(config.get("image_std", [0.5] * 3))
