"""How a training measured its control map, so that others can measure theirs in the same way."""

import json
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from spf_portrait.contract.phrases import Caption
from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.method.clip_space import TextSpace
from spf_portrait.method.control_map import focused, phrase_distances
from spf_portrait.method.training_set import prompt_shares


@dataclass(frozen=True)
class MapSettings:
    """From the metadata of an adapter.

    Attributes:
        spec: What was ordered: how the phrases' maps are subtracted.
        noise_scale: Running maximum that training ended with, [SCALE_BUCKETS]; None if it kept none.
        bank_range: Smallest and largest distance between the target and the phrases of the set; None if not known.
    """

    spec: TrainingSpec
    noise_scale: Tensor | None
    bank_range: tuple[float, float] | None


def map_settings(metadata: dict[str, str]) -> MapSettings:
    """What `export` wrote into an adapter's header; settings that are no more are passed over.

    An adapter from elsewhere has the default settings.
    """
    written: dict[str, Any] = json.loads(metadata.get("spf.spec", "{}"))
    spec = TrainingSpec.model_validate({name: written[name] for name in written if name in TrainingSpec.model_fields})
    scale: list[float] = json.loads(metadata.get("spf.control_map_scale", "[]"))
    bank: list[float] | None = json.loads(metadata.get("spf.phrase_distance_range", "null"))
    return MapSettings(
        spec=spec,
        noise_scale=torch.tensor(scale) if any(scale) else None,
        bank_range=None if bank is None else (bank[0], bank[1]),
    )


def place_of_target(differences: Tensor, signal_db: Tensor, settings: MapSettings) -> Tensor:
    """The first norm(·) of the control map, as the training took it.

    Args:
        differences: Of one picture at several timesteps, scaled, [timesteps, height, width].
        signal_db: Signal-to-noise ratio at these timesteps in decibels, [timesteps].
        settings: Of the adapter.

    Returns:
        The same shape; all timesteps are alike where the training averaged over them.
    """
    spec = settings.spec
    if not spec.map_looks:
        return differences
    telling = signal_db >= spec.control_map_min_snr_db
    mean = differences[telling if telling.any() else slice(None)].mean(dim=0, keepdim=True)
    return focused(mean, spec.control_map_from, spec.control_map_to).expand_as(differences)


def caption_shares(space: TextSpace, caption: Caption, settings: MapSettings) -> Tensor:
    """w_p of the base phrases, [phrases]; without training's bank they are stretched over the caption's own."""
    bank_range = settings.bank_range
    if bank_range is None:
        raw = phrase_distances(space.texts([caption.target])[0], space.texts(list(caption.base)))
        bank_range = (float(raw.min()), float(raw.max()))
    return prompt_shares(space, caption, bank_range, settings.spec)
