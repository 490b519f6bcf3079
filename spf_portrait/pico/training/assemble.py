"""Put the trained parts together in diffusers' layout, so that a bare `from_pretrained` loads them."""

from pathlib import Path
from typing import Final

from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPModel, CLIPTextModel, CLIPTokenizer

from spf_portrait.pico.judge import JUDGE_FILE, Judge
from spf_portrait.pico.training.unet import new_scheduler

_SHARD: Final = "14MB"


def text_tower(clip: CLIPModel) -> CLIPTextModel:
    """CLIP's text tower as the pipeline's text encoder: the same weights, no projection."""
    encoder = CLIPTextModel(clip.config.text_config)
    encoder.load_state_dict(clip.text_model.state_dict())
    return encoder.eval()


def assemble(
    out: Path,
    autoencoder: AutoencoderKL,
    clip: CLIPModel,
    unet: UNet2DConditionModel,
    tokenizer: CLIPTokenizer,
    judge: Judge,
) -> None:
    """Write the model folder.

    The text encoder stays in fp32 and the rest in fp16: transformers keeps on loading the type on disk while
    diffusers widens it, and a pipeline whose parts differ in type does not run.
    """
    pipeline = StableDiffusionPipeline(
        vae=autoencoder.half(),
        text_encoder=text_tower(clip),
        tokenizer=tokenizer,
        unet=unet.half(),
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(out, safe_serialization=True, max_shard_size=_SHARD)
    clip.half().save_pretrained(out / "clip")
    (out / JUDGE_FILE).parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.half().contiguous() for name, tensor in judge.state_dict().items()}, out / JUDGE_FILE)


def size_in_bytes(folder: Path) -> int:
    """What the folder weighs."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
