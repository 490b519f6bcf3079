"""Does the control map find the target? On noised held-out portraits whose exact mask is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from spf_portrait.contract.phrases import Caption
from spf_portrait.drawing.map_settings import MapSettings, caption_shares, place_of_target
from spf_portrait.evaluation.known_domain import MaskedPortrait
from spf_portrait.method.attention_maps import TARGET, mean_over_layers
from spf_portrait.method.attention_recorder import AttentionRecorder
from spf_portrait.method.clip_space import TextSpace
from spf_portrait.method.control_map import (
    SCALE_BUCKETS,
    bucket_of,
    control_map,
    noise_difference,
    running_maximum,
    scaled,
)
from spf_portrait.method.dual_path import PathResult, reference_pass, response_pass
from spf_portrait.method.prompts import Prompt, reference_prompt, response_prompt
from spf_portrait.method.training_set import to_pixels
from spf_portrait.metrics.map_quality import MapQuality, map_quality
from spf_portrait.models.base_model import BaseModel, encode_pixels, encode_text
from spf_portrait.models.schedule import add_noise, snr_db

TIMES: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Fractions of the schedule at which the map is looked at."""


@dataclass(frozen=True)
class _Answers:
    """Both paths' answers to one portrait, a row for each timestep.

    Attributes:
        difference: Not yet scaled, [times, height, width] of latents.
        phrase_maps: mean_l A_res of the base phrases, [times, phrases, height, width].
    """

    difference: Tensor
    phrase_maps: Tensor


@torch.no_grad()
def control_map_quality(
    base: BaseModel, space: TextSpace, portraits: Sequence[MaskedPortrait], settings: MapSettings
) -> list[list[MapQuality]]:
    """How well M finds the mask of each portrait, at each of `TIMES`.

    Args:
        base: With the adapter attached.
        space: Where training measured distances between phrases.
        portraits: Pictures with their masks. The k-th is noised from seed k.
        settings: Of the adapter. Without a noise scale the largest differences of these portraits take its place.
    """
    timesteps = torch.tensor([int(time * base.schedule.timesteps) for time in TIMES], device=base.device)
    buckets = bucket_of(timesteps, base.schedule.timesteps)
    signal_db = snr_db(base.schedule.levels(timesteps))
    with AttentionRecorder(base.network) as recorder:
        answers = [_answers(base, recorder, item, timesteps, seed) for seed, item in enumerate(portraits)]
    scale = settings.noise_scale
    if scale is None:
        scale = _largest(answers, buckets)
    scale = scale.to(base.device)[buckets]
    qualities: list[list[MapQuality]] = []
    for portrait, answer in zip(portraits, answers, strict=True):
        shares = caption_shares(space, portrait.caption, settings).expand(len(timesteps), -1)
        place = place_of_target(scaled(answer.difference, scale), signal_db, settings)
        maps = control_map(place, answer.phrase_maps, shares, settings.spec.control_map_gain)
        covered = covered_share(portrait.mask, maps.shape[-2], maps.shape[-1])
        qualities.append([map_quality(map_at_t.cpu(), covered) for map_at_t in maps])
    return qualities


def covered_share(mask: Tensor, rows: int, columns: int) -> Tensor:
    """Share of every latent cell that a mask of pixels covers, [rows, columns]."""
    return F.adaptive_avg_pool2d(mask[None, None].double(), (rows, columns))[0, 0]


def _answers(
    base: BaseModel, recorder: AttentionRecorder, portrait: MaskedPortrait, timesteps: Tensor, seed: int
) -> _Answers:
    x_0 = encode_pixels(base, to_pixels(portrait.picture)[None]).expand(len(timesteps), -1, -1, -1)
    noise = torch.randn(x_0.shape, generator=torch.Generator().manual_seed(seed)).to(base.device)
    x_t = add_noise(x_0, noise, base.schedule.levels(timesteps))
    reference = _passed(base, recorder, x_t, timesteps, portrait.caption, with_target=False)
    response = _passed(base, recorder, x_t, timesteps, portrait.caption, with_target=True)
    difference = noise_difference(response.predicted, reference.predicted)
    maps = mean_over_layers(response.attention.maps, difference.shape[-2], difference.shape[-1])
    return _Answers(difference, maps[:, :TARGET])


def _passed(
    base: BaseModel, recorder: AttentionRecorder, x_t: Tensor, timesteps: Tensor, caption: Caption, *, with_target: bool
) -> PathResult:
    """One path's answer to all timesteps at once."""
    prompt_of, run = (response_prompt, response_pass) if with_target else (reference_prompt, reference_pass)
    prompt: Prompt = prompt_of(base.text_axis, caption, len(caption.base))
    text = encode_text(base, [prompt.text]).expand(len(timesteps))
    pooling = prompt.pooling.to(base.device).expand(len(timesteps), -1, -1)
    return run(base, recorder, x_t, timesteps, text, pooling)


def _largest(answers: list[_Answers], buckets: Tensor) -> Tensor:
    differences = torch.cat([answer.difference for answer in answers])
    nothing = torch.zeros(SCALE_BUCKETS, device=differences.device)
    return running_maximum(nothing, buckets.repeat(len(answers)), differences)
