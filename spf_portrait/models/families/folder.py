"""Loading a base model from a folder in diffusers layout. Only safetensors are read, and no code from the folder."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spf_portrait.contract.base_folders import MODEL_INDEX
from spf_portrait.models.families.family import EncoderFiles, Family, Parts, TextEncoder
from spf_portrait.running.untyped import diffusers, transformers


def parts_of_folder(family: Family, folder: Path, device: torch.device, dtype: torch.dtype) -> Parts:
    """Load every part.

    Args:
        family: Of the model.
        folder: With model_index.json.
        device: Where the parts go.
        dtype: Of the weights; the autoencoder's may be another, see `autoencoder_dtype`.

    Raises:
        OSError, ValueError, KeyError, RuntimeError: A part is missing or damaged.
    """
    settings: dict[str, Any] = json.loads((folder / MODEL_INDEX).read_text("utf-8"))
    present = [
        files for files in family.encoders if not files.optional or (folder / files.model / "config.json").is_file()
    ]
    return Parts(
        text_encoders=tuple(_text_encoder(files, folder, device, dtype) for files in present),
        vae=frozen(_weights(diffusers.AutoencoderKL, folder / "vae", autoencoder_dtype(family, dtype)), device),
        network=frozen(_weights(getattr(diffusers, family.network_class), folder / family.network_name, dtype), device),
        scheduler=scheduler_of(folder / "scheduler"),
        settings=settings,
        device=device,
    )


def frozen(part: Any, device: torch.device) -> nn.Module:
    """Ready to be used and not to be trained."""
    return part.eval().requires_grad_(False).to(device)


def scheduler_of(folder: Path, **changes: Any) -> Any:
    """The sampler named by its own configuration."""
    config: Any = diffusers.DDIMScheduler.load_config(folder)  # every scheduler reads the same file
    return getattr(diffusers, config["_class_name"]).from_config(config, **changes)


def autoencoder_dtype(family: Family, dtype: torch.dtype) -> torch.dtype:
    """Of the autoencoder: numbers inside those of Stable Diffusion are too large for fp16, and inside XL's for bf16."""
    return dtype if family.half_autoencoder and dtype != torch.float16 else torch.float32


def _text_encoder(files: EncoderFiles, folder: Path, device: torch.device, dtype: torch.dtype) -> TextEncoder:
    model = _weights(getattr(transformers, files.model_class), folder / files.model, dtype)
    tokenizer = getattr(transformers, files.tokenizer_class).from_pretrained(folder / files.tokenizer)
    return TextEncoder(tokenizer, frozen(model, device))


def _weights(model_class: Any, folder: Path, dtype: torch.dtype) -> Any:
    return model_class.from_pretrained(folder, dtype=dtype, use_safetensors=True, variant=_variant(folder))


def _variant(folder: Path) -> str | None:
    """fp16, if the folder has these weights alone."""
    names = [file.name for file in folder.glob("*.safetensors")]
    return "fp16" if names and all(".fp16" in name for name in names) else None
