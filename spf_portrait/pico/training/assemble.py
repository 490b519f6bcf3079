"""Put the trained parts together in diffusers' layout, so that a bare `from_pretrained` loads them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from torch import nn

from spf_portrait.contract.base_info import CLIP_FOLDER, JUDGE_FOLDER
from spf_portrait.contract.vocabulary import VOCABULARY, words_of
from spf_portrait.pico.captions import all_phrases
from spf_portrait.pico.identity import IDENTITY_FILE, Identity
from spf_portrait.pico.judge import JUDGE_FILE, Judge
from spf_portrait.pico.parser import PARSER_FILE, Parser
from spf_portrait.pico.training.unet import new_scheduler
from spf_portrait.running.untyped import diffusers, safetensors_torch, transformers

_SHARD: Final = "14MB"


@dataclass(frozen=True)
class Judges:
    """What measures pictures and is used by no loss.

    Attributes:
        classifier: Names the value of every axis.
        parser: Says which part covers each pixel.
        identity: Says who is shown.
        clip: A CLIPModel from another seed than the model's own.
    """

    classifier: Judge
    parser: Parser
    identity: Identity
    clip: Any


def text_tower(clip: Any) -> Any:
    """CLIP's text tower as the pipeline's text encoder: the same weights, no projection."""
    encoder = transformers.CLIPTextModel(clip.config.text_config)
    encoder.load_state_dict(clip.text_model.state_dict())
    return encoder.eval()


def assemble(out: Path, autoencoder: Any, clip: Any, unet: Any, tokenizer: Any, judges: Judges) -> None:
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
    clip.half().save_pretrained(out / CLIP_FOLDER)
    judges.clip.half().save_pretrained(out / JUDGE_FOLDER / CLIP_FOLDER)
    _save(judges.classifier, out / JUDGE_FILE)
    _save(judges.parser, out / PARSER_FILE)
    _save(judges.identity, out / IDENTITY_FILE)
    write_vocabulary(out)


def write_vocabulary(out: Path) -> None:
    """Name the words that the training's captions were made of; the tokenizer knows a few more, nothing else does."""
    words = sorted({word for phrase in all_phrases() for word in words_of(phrase)})
    (out / VOCABULARY).write_text("\n".join(words) + "\n", "utf-8")


def _save(network: nn.Module, path: Path) -> None:
    weights = {name: tensor.half().contiguous() for name, tensor in network.state_dict().items()}
    safetensors_torch.save_file(weights, path)
