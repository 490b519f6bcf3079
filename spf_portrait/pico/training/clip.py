"""Train the small CLIP whose text tower the U-Net listens to.

Contrast alone stops learning when the easy attributes, colours above all, tell the portraits of a batch apart: "a
sweater" and "a jacket" then lie together, and no U-Net can draw what its text encoder does not tell. So both towers
also learn to name every attribute, by one set of linear heads that they share and that is thrown away afterwards.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTokenizer, CLIPVisionConfig

from spf_portrait.pico.captions import Description, describe
from spf_portrait.pico.domain import AXES, AXIS
from spf_portrait.pico.training.autoencoder import pixels
from spf_portrait.pico.training.labels import HIDDEN, visible_labels
from spf_portrait.pico.training.learner import Learner, cosine_with_warmup
from spf_portrait.pico.training.muon import muon_and_adamw
from spf_portrait.pico.training.renders import Renders
from spf_portrait.pico.training.resumable import CPU, Budget, generator_for, train_resumably
from spf_portrait.pico.training.tokenizer import MAX_TOKENS

WIDTH: Final = 128
_TOKEN_SCALE: Final = 1.0
"""Deviation of new token embeddings. With CLIP's own 0.02, words vanish beside what four young layers add to them."""
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
    model = CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=WIDTH))
    torch.nn.init.normal_(model.text_model.embeddings.token_embedding.weight, std=_TOKEN_SCALE)
    return model


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
    """Contrast and attributes, on portraits that include the held-back ones.

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
    clip, heads = new_clip(tokenizer), AttributeHeads()
    model = torch.nn.ModuleList([cast("torch.nn.Module", clip), heads]).to(device)
    learner = Learner.of(
        model, muon_and_adamw(model, muon_lr=0.02, adamw_lr=1e-3), cosine_with_warmup(50, budget.steps)
    )
    visible = visible_labels(renders.attributes)

    def step(index: int) -> dict[str, float]:
        chosen = torch.randint(len(renders.images), (batch_size,), generator=generator_for(seed, index))
        descriptions = _descriptions(renders, chosen, random.Random(seed * 1_000_003 + index))
        captions = [", ".join(description.phrases) for description in descriptions]
        tokens = tokenizer(captions, padding=True, truncation=True, return_tensors="pt")
        images = pixels(renders, chosen).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            output = clip(pixel_values=for_vision(images), **tokens.to(device))
        seen, said = visible[chosen].to(device), said_labels(visible[chosen], descriptions).to(device)
        contrast = contrastive_loss(output.logits_per_text.float())
        attributes = heads.loss(output.image_embeds.float(), seen) + heads.loss(output.text_embeds.float(), said)
        learner.update(contrast + attributes)
        first = right_first(output.logits_per_text.detach())
        return {"contrast": float(contrast.detach()), "attributes": float(attributes.detach()), "first": first}

    train_resumably(name, folder, budget, learner.state, step)
    return clip.cpu().eval()


class AttributeHeads(torch.nn.Module):
    """One linear head per axis, for embeddings of pictures and of texts alike."""

    def __init__(self) -> None:
        super().__init__()
        self.axes = torch.nn.ModuleList([torch.nn.Linear(WIDTH, len(axis.values)) for axis in AXES])

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy, averaged over the rows that tell an axis and then over axes.

        Args:
            embeddings: Of length 1, [batch, 128].
            labels: Class indices [batch, axes]; `HIDDEN` where a row does not tell.
        """
        features = embeddings * WIDTH**0.5
        losses = [
            F.cross_entropy(head(features), labels[:, column], ignore_index=HIDDEN, reduction="sum")
            / (labels[:, column] != HIDDEN).sum().clamp(min=1)
            for column, head in enumerate(self.axes)
        ]
        return torch.stack(losses).mean()


def said_labels(visible: Tensor, descriptions: Sequence[Description]) -> Tensor:
    """`visible`, [batch, axes], with `HIDDEN` also where a caption keeps silent."""
    silent = torch.tensor([[axis not in description.said for axis in AXIS] for description in descriptions])
    return visible.masked_fill(silent, HIDDEN)


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


def _descriptions(renders: Renders, chosen: Tensor, generator: random.Random) -> list[Description]:
    """Long and short captions: single phrases must be understood as well as whole texts."""
    rows = cast("list[int]", chosen.tolist())
    portraits = [renders.attributes[row] for row in rows]
    return [describe(shown, generator, keep=generator.uniform(0.2, 1.0)) for shown in portraits]
