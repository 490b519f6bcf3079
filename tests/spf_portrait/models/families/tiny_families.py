"""Tiny random base models of every family: the published configurations at reduced width, weights of noise.

write_tiny(models_dir / "sdxl", "sdxl")
"""

import json
from pathlib import Path
from typing import Any, Final

import torch

from spf_portrait.contract.base_info import SHARED_CLIP_FOLDER, FamilyKey
from spf_portrait.models.families.single_file import CONFIGS
from spf_portrait.running.untyped import diffusers, transformers
from tests.spf_portrait.tiny_model import tiny_tokenizer

PUBLISHED_SD3: Final = Path(__file__).with_name("published") / "sd3"
_WIDTH: Final = 16
_SECOND_WIDTH: Final = 24
_T5_WIDTH: Final = 48
_PROJECTED: Final = 12
_HEADS: Final = 2
_AUTOENCODER: Final = {"block_out_channels": [4, 8, 8, 8], "layers_per_block": 1, "norm_num_groups": 4}
_UNET: Final = {"layers_per_block": 1, "norm_num_groups": 8, "sample_size": 8}
_FOUR_LEVELS: Final = {"block_out_channels": [8, 16, 16, 16], "attention_head_dim": _HEADS, "sample_size": 16}
"""Of 16 cells the middle block has four. A single one has no choice where to attend, and its queries never train."""
REDUCED: Final[dict[FamilyKey, dict[str, dict[str, Any]]]] = {
    "sd1": {"unet": {**_UNET, **_FOUR_LEVELS, "cross_attention_dim": _WIDTH}, "vae": _AUTOENCODER},
    "sd2": {"unet": {**_UNET, **_FOUR_LEVELS, "cross_attention_dim": _WIDTH}, "vae": _AUTOENCODER},
    "sdxl": {
        "unet": {
            **_UNET,
            "block_out_channels": [8, 16, 16],
            "attention_head_dim": _HEADS,
            "transformer_layers_per_block": [1, 1, 2],
            "cross_attention_dim": _WIDTH + _SECOND_WIDTH,
            "addition_time_embed_dim": 4,
            "projection_class_embeddings_input_dim": _PROJECTED + 6 * 4,
        },
        "vae": _AUTOENCODER,
    },
    "sd3": {
        "transformer": {
            "num_layers": 3,
            "num_attention_heads": _HEADS,
            "attention_head_dim": 8,
            "caption_projection_dim": _HEADS * 8,
            "joint_attention_dim": _T5_WIDTH,
            "pooled_projection_dim": 2 * _PROJECTED,
            "pos_embed_max_size": 16,
            "sample_size": 8,
        },
        "vae": _AUTOENCODER,
    },
}
"""What is smaller than in the published configurations; depths, kinds of blocks and all else are theirs."""
_NO_CHECKER: Final = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}


def write_tiny(folder: Path, family: FamilyKey, *, t5: bool = False, **changes: Any) -> Path:
    """Write the model; `folder` is then a base model whose key is the folder's name.

    Args:
        folder: Where to.
        family: Which one.
        t5: Give a Stable Diffusion 3 its third text encoder.
        changes: To the configuration of the denoising network.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = {**_denoising(family, changes), **_first_encoder(family)}
        if family in ("sdxl", "sd3"):
            parts |= _second_encoder()
        if family == "sd3":
            parts |= _third_encoder(t5)
    if family in ("sd1", "sd2"):
        parts |= _NO_CHECKER
    index = json.loads((published(family) / "model_index.json").read_text())
    pipeline: Any = getattr(diffusers, index["_class_name"])(**parts)
    pipeline.save_pretrained(folder)
    return folder


def write_shared_clip(models_dir: Path) -> None:
    """The CLIP that all bases without one of their own look with."""
    tower = {"hidden_size": _WIDTH, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": _HEADS}
    tokenizer = tiny_tokenizer()
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = transformers.CLIPTextConfig(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **ends, **tower)
    vision = transformers.CLIPVisionConfig(image_size=16, patch_size=8, **tower)
    config = transformers.CLIPConfig(
        text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=_PROJECTED
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.CLIPModel(config).eval().save_pretrained(models_dir / SHARED_CLIP_FOLDER)
    tokenizer.save_pretrained(models_dir / SHARED_CLIP_FOLDER)


def plain_pipeline(folder: Path) -> Any:
    """Of plain diffusers. A missing third encoder has to be said there."""
    index: dict[str, Any] = json.loads((folder / "model_index.json").read_text())
    third = ("text_encoder_3", "tokenizer_3")
    missing = {
        name: None for name in third if index["_class_name"].endswith("3Pipeline") and not (folder / name).exists()
    }
    pipeline = getattr(diffusers, index["_class_name"]).from_pretrained(folder, local_files_only=True, **missing)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def published(family: FamilyKey) -> Path:
    """The published configurations of a family."""
    return PUBLISHED_SD3 if family == "sd3" else CONFIGS / family


def pads_with_exclamation_mark() -> Any:
    """The tokenizer of the second text encoder."""
    tokenizer = tiny_tokenizer()
    tokenizer.pad_token = "!"
    return tokenizer


def tiny_t5_tokenizer() -> Any:
    """Letters, and "▁hair" as one token."""
    letters = [(letter, -4.0) for letter in "abcdefghijklmnopqrstuvwxyz,"]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), ("▁hair", -3.0), *letters]
    return transformers.T5TokenizerFast(vocab=pieces, extra_ids=0)


def _denoising(family: FamilyKey, changes: dict[str, Any]) -> dict[str, Any]:
    """Network, autoencoder and scheduler."""
    folder, parts = published(family), dict[str, Any]()
    for part, smaller in REDUCED[family].items():
        config = json.loads((folder / part / "config.json").read_text())
        more = changes if part != "vae" else {}
        parts[part] = getattr(diffusers, config["_class_name"]).from_config({**config, **smaller, **more}).eval()
    scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
    return {**parts, "scheduler": getattr(diffusers, scheduler["_class_name"]).from_config(scheduler)}


def _first_encoder(family: FamilyKey) -> dict[str, Any]:
    tokenizer = pads_with_exclamation_mark() if family == "sd2" else tiny_tokenizer()
    kind = "CLIPTextModelWithProjection" if family == "sd3" else "CLIPTextModel"
    return {"text_encoder": _clip(kind, tokenizer, _WIDTH), "tokenizer": tokenizer}


def _second_encoder() -> dict[str, Any]:
    tokenizer = pads_with_exclamation_mark()
    encoder = _clip("CLIPTextModelWithProjection", tokenizer, _SECOND_WIDTH)
    return {"text_encoder_2": encoder, "tokenizer_2": tokenizer}


def _third_encoder(present: bool) -> dict[str, Any]:
    if not present:
        return {"text_encoder_3": None, "tokenizer_3": None}
    tokenizer = tiny_t5_tokenizer()
    config = transformers.T5Config(
        vocab_size=len(tokenizer), d_model=_T5_WIDTH, d_kv=8, d_ff=32, num_layers=2, num_heads=_HEADS
    )
    return {"text_encoder_3": transformers.T5EncoderModel(config).eval(), "tokenizer_3": tokenizer}


def _clip(kind: str, tokenizer: Any, width: int) -> Any:
    config = transformers.CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=_HEADS,
        projection_dim=_PROJECTED,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return getattr(transformers, kind)(config).eval()
