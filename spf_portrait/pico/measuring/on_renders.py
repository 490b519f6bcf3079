"""The autoencoder and the judge against the truth, which the renderer knows."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from spf_portrait.method.clip_space import ClipSpace
from spf_portrait.pico.domain import AXES
from spf_portrait.pico.judge import Judge
from spf_portrait.pico.judge_network import as_tensor
from spf_portrait.pico.measuring.unseen import full_caption
from spf_portrait.pico.parser import Parser, iou_of_parts
from spf_portrait.pico.parsing import class_map
from spf_portrait.pico.portrait import Attributes, visible_axes
from spf_portrait.pico.training.autoencoder import psnr
from spf_portrait.pico.training.clip import right_first

CANDIDATES: Final = 64
"""Captions among which CLIP must find the right one."""
_BATCH: Final = 32


@torch.no_grad()
def reconstructed(autoencoder: Any, images: Sequence[Image.Image]) -> list[Image.Image]:
    """The pictures after a passage through the autoencoder, without noise."""
    parts = cast("tuple[Tensor, ...]", as_tensor(images).split(_BATCH))
    decoded: list[Tensor] = [autoencoder.decode(autoencoder.encode(part).latent_dist.mode()).sample for part in parts]
    levels = ((torch.cat(decoded).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return [Image.fromarray(picture.permute(1, 2, 0).numpy()) for picture in levels]


def mean_psnr(images: Sequence[Image.Image], others: Sequence[Image.Image]) -> float:
    """Mean PSNR of pairs of pictures in dB."""
    pairs = zip(as_tensor(images), as_tensor(others), strict=True)
    return float(np.mean([psnr(a, b) for a, b in pairs]))


def accuracy(judge: Judge, images: Sequence[Image.Image], truth: Sequence[Attributes]) -> dict[str, float]:
    """Share of portraits that the judge reads rightly, by axis; hidden axes do not count."""
    right: dict[str, list[bool]] = {axis.name: [] for axis in AXES}
    for start in range(0, len(images), _BATCH):
        answers = judge.attributes(images[start : start + _BATCH])
        for answer, attributes in zip(answers, truth[start : start + _BATCH], strict=True):
            for axis in visible_axes(attributes):
                right[axis].append(answer[axis] == attributes[axis])
    return {axis: float(np.mean(hits)) for axis, hits in right.items()}


def parts_iou(parser: Parser, images: Sequence[Image.Image], truth: Sequence[Attributes]) -> dict[str, float]:
    """Intersection over union of every part of the portraits, all pixels counted together."""
    exact = np.stack([class_map(attributes) for attributes in truth])
    return {part.name.lower(): iou for part, iou in iou_of_parts(np.stack(parser.parse(images)), exact).items()}


@torch.no_grad()
def right_caption_first(clip: ClipSpace, images: Sequence[Image.Image], truth: Sequence[Attributes]) -> float:
    """Share of portraits for which CLIP finds their full caption among those of 64; len(images) is a multiple of 64."""
    found: list[float] = []
    for start in range(0, len(images), CANDIDATES):
        texts = clip.texts([full_caption(attributes) for attributes in truth[start : start + CANDIDATES]])
        found.append(right_first(clip.pictures(as_tensor(images[start : start + CANDIDATES])) @ texts.T))
    return float(np.mean(found))


def mean_and_worst(shares: Mapping[str, float]) -> dict[str, Any]:
    """What a table says of shares by name."""
    worst = min(shares, key=lambda name: shares[name])
    return {"mean": float(np.mean(list(shares.values()))), "worst": shares[worst], "worst_is": worst}
