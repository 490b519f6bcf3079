"""Train the small CLIP whose text tower the U-Net listens to."""

import random
from pathlib import Path
from typing import Any, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTokenizer, CLIPVisionConfig

from spf_portrait.pico.captions import base_phrases
from spf_portrait.pico.training.autoencoder import pixels
from spf_portrait.pico.training.muon import muon_and_adamw
from spf_portrait.pico.training.renders import Renders
from spf_portrait.pico.training.resumable import (
    CPU,
    Budget,
    cosine_with_warmup,
    generator_for,
    state_of,
    train_resumably,
    update,
)
from spf_portrait.pico.training.tokenizer import MAX_TOKENS

WIDTH: Final = 128
VISION_SIZE_PX: Final = 64
_TOWER: Final[dict[str, Any]] = {
    "hidden_size": WIDTH,
    "intermediate_size": 4 * WIDTH,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "projection_dim": WIDTH,
}


def new_clip(tokenizer: CLIPTokenizer) -> CLIPModel:
    """The untrained CLIP: two towers of four layers, 128 wide."""
    # Without the right end-of-text id the text tower would pool position 0 and know nothing of the text.
    ends = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    text = CLIPTextConfig(vocab_size=len(tokenizer), max_position_embeddings=MAX_TOKENS, **ends, **_TOWER)
    vision = CLIPVisionConfig(image_size=VISION_SIZE_PX, patch_size=8, **_TOWER)
    return CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=WIDTH))


def train_clip(
    renders: Renders,
    folder: Path,
    budget: Budget,
    tokenizer: CLIPTokenizer,
    *,
    name: str = "clip",
    batch_size: int = 128,
    seed: int = 0,
    device: torch.device = CPU,
) -> CLIPModel:
    """Contrastive training on portraits that include the held-back attributes.

    Args:
        renders: Portraits with their attributes.
        folder: Where the checkpoint is kept.
        budget: Steps and deadline.
        tokenizer: Of the domain's vocabulary.
        name: Of the checkpoint: the model's own CLIP and the judge's differ in name and seed alone.
        batch_size: Portraits, each with one caption.
        seed: Of weights, choice of portraits and wording.
        device: Where to train.
    """
    torch.manual_seed(seed)
    model = new_clip(tokenizer)
    cast("torch.nn.Module", model).to(device)
    optimizers = muon_and_adamw(model, muon_lr=0.02, adamw_lr=1e-3)
    factor = cosine_with_warmup(50, budget.steps)
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimizer, factor) for optimizer in optimizers]

    def step(index: int) -> dict[str, float]:
        chosen = torch.randint(len(renders.images), (batch_size,), generator=generator_for(seed, index))
        captions = _captions(renders, chosen, random.Random(seed * 1_000_003 + index))
        tokens = tokenizer(captions, padding=True, truncation=True, return_tensors="pt")
        images = pixels(renders, chosen).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            output = model(pixel_values=for_vision(images), **tokens.to(device))
        loss = contrastive_loss(output.logits_per_text.float())
        update(model, loss, optimizers, schedules)
        return {"loss": float(loss), "first": right_first(output.logits_per_text.detach())}

    train_resumably(name, folder, budget, state_of(model, optimizers, schedules), step)
    return model.cpu().eval()


def contrastive_loss(logits: Tensor) -> Tensor:
    """Mean of the text→image and image→text cross-entropies; logits [batch, batch]."""
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def right_first(logits: Tensor) -> float:
    """Share of rows whose largest entry is their own: is the right picture first among all?"""
    return float((logits.argmax(dim=-1).cpu() == torch.arange(len(logits))).float().mean())


def for_vision(images: Tensor) -> Tensor:
    """Images in [−1, 1] of any size → what the vision tower takes: [batch, 3, 64, 64], mean ½ and deviation ½."""
    size = (VISION_SIZE_PX, VISION_SIZE_PX)
    return F.interpolate(images, size, mode="bicubic", antialias=True, align_corners=False)


def _captions(renders: Renders, chosen: Tensor, generator: random.Random) -> list[str]:
    """Long and short captions: single phrases must be understood as well as whole texts."""
    rows = cast("list[int]", chosen.tolist())
    portraits = [renders.attributes[row] for row in rows]
    return [", ".join(base_phrases(shown, generator, keep=generator.uniform(0.2, 1.0))) for shown in portraits]
