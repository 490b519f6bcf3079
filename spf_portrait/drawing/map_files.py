"""The maps of a pair as PNG: control map, noise difference, and attention to each phrase averaged over layers."""

from typing import Final, Literal

import torch
from torch import Tensor

from spf_portrait.contract.artifacts import (
    CONTROL_MAP,
    HOLD_MAP,
    NOISE_DIFFERENCE,
    attention_map_name,
    control_map_name,
    hold_map_name,
    noise_difference_name,
)
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.drawing.map_settings import MapSettings, caption_shares, place_of_target
from spf_portrait.drawing.pair import Pair, control_maps, scaled_differences
from spf_portrait.drawing.path import PathDrawing
from spf_portrait.drawing.pictures import coloured_png, grey_png
from spf_portrait.method.attention_maps import TARGET
from spf_portrait.method.clip_space import TextSpace
from spf_portrait.models.base_model import BaseModel
from spf_portrait.models.schedule import snr_db

PathName = Literal["reference", "response"]
LEAST_WHITE: Final = 1e-9
"""A phrase that nothing attends to is black, not divided by zero."""


def map_files(
    base: BaseModel, space: TextSpace, spec: ComparisonSpec, pair: Pair, settings: MapSettings
) -> dict[str, bytes]:
    """PNG by file name: grey maps for every recorded timestep, coloured means for people."""
    size_px = picture_size(pair)
    differences = scaled_differences(pair, settings.noise_scale, base.schedule.timesteps)
    shares, gain = caption_shares(space, spec.caption, settings), settings.spec.control_map_gain
    control = control_maps(pair, place_of_target(differences, _signal_db(base, pair), settings), shares, gain)
    files = {
        CONTROL_MAP: coloured_png(control.mean(dim=0), size_px),
        NOISE_DIFFERENCE: coloured_png(differences.mean(dim=0), size_px),
    }
    for t, (m, difference) in enumerate(zip(control, differences, strict=True)):
        files[control_map_name(t)] = grey_png(m, size_px)
        files[noise_difference_name(t)] = grey_png(difference, size_px)
    return files | _hold_files(pair.response.hold_map, size_px) | _attention_files(pair, size_px)


def _signal_db(base: BaseModel, pair: Pair) -> Tensor:
    timesteps = torch.tensor(pair.response.timesteps, device=pair.response.difference.device)
    return snr_db(base.schedule.levels(timesteps))


def picture_size(pair: Pair) -> tuple[int, int]:
    """Rows and columns of its pictures."""
    return pair.response.picture.shape[-2], pair.response.picture.shape[-1]


def paths_of(pair: Pair) -> tuple[tuple[PathName, PathDrawing], ...]:
    """Both, with their names."""
    return (("reference", pair.reference), ("response", pair.response))


def shown_phrases(path: PathName, columns: int) -> list[int]:
    """Columns of the attention maps that a path has; the reference's prompt has no target."""
    return [phrase for phrase in range(columns) if path == "response" or phrase != columns + TARGET]


def _hold_files(hold_map: Tensor, size_px: tuple[int, int]) -> dict[str, bytes]:
    """Of [timesteps, height, width]; none if nothing was held."""
    if not len(hold_map):
        return {}
    each = {hold_map_name(t): grey_png(m, size_px) for t, m in enumerate(hold_map)}
    return {HOLD_MAP: coloured_png(hold_map.mean(dim=0), size_px)} | each


def _attention_files(pair: Pair, size_px: tuple[int, int]) -> dict[str, bytes]:
    """A phrase is drawn with one scale for both paths and all timesteps, so that its pictures can be compared."""
    white = _white(pair.reference.attention, pair.response.attention)
    files: dict[str, bytes] = {}
    for path, drawing in paths_of(pair):
        for phrase in shown_phrases(path, drawing.attention.shape[1]):
            for t, maps in enumerate(drawing.attention):
                files[attention_map_name(path, phrase, t)] = grey_png(maps[phrase] / white[phrase], size_px)
    return files


def _white(reference: Tensor, response: Tensor) -> Tensor:
    """The largest attention to each phrase, [columns]; both are [timesteps, columns, height, width]."""
    return torch.maximum(reference.amax(dim=(0, 2, 3)), response.amax(dim=(0, 2, 3))).clamp_min(LEAST_WHITE)
