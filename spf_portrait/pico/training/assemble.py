"""Put the trained parts together in diffusers' layout, so that a bare `from_pretrained` loads them."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from spf_portrait.contract.vocabulary import VOCABULARY, words_of
from spf_portrait.pico.captions import all_phrases
from spf_portrait.pico.judge import JUDGE_FILE, Judge
from spf_portrait.pico.training.unet import new_scheduler
from spf_portrait.untyped import diffusers, safetensors_torch, transformers

_SHARD: Final = "14MB"


def text_tower(clip: Any) -> Any:
    """CLIP's text tower as the pipeline's text encoder: the same weights, no projection."""
    encoder = transformers.CLIPTextModel(clip.config.text_config)
    encoder.load_state_dict(clip.text_model.state_dict())
    return encoder.eval()


def assemble(out: Path, autoencoder: Any, clip: Any, unet: Any, tokenizer: Any, judge: Judge) -> None:
    """Write the model folder.

    The text encoder stays in fp32 and the rest in fp16: transformers keeps on loading the type on disk while
    diffusers widens it, and a pipeline whose parts differ in type does not run.
    """
    pipeline = diffusers.StableDiffusionPipeline(
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
    weights = {name: tensor.half().contiguous() for name, tensor in judge.state_dict().items()}
    safetensors_torch.save_file(weights, out / JUDGE_FILE)
    write_vocabulary(out)


def write_vocabulary(out: Path) -> None:
    """Name the words that the training's captions were made of; the tokenizer knows a few more, nothing else does."""
    words = sorted({word for phrase in all_phrases() for word in words_of(phrase)})
    (out / VOCABULARY).write_text("\n".join(words) + "\n", "utf-8")


def size_in_bytes(folder: Path, without: Collection[str] = ()) -> int:
    """What the folder weighs, but for the files of these names."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name not in without)
