"""Attention layer by layer as PNG, and how the two paths differ in it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from spf_portrait.contract.artifacts import attention_difference_name, layer_map_name, mean_attention_difference_name
from spf_portrait.drawing.map_files import LEAST_WHITE, paths_of, picture_size, shown_phrases
from spf_portrait.drawing.pair import Pair
from spf_portrait.drawing.pictures import grey_png, two_sided_png
from spf_portrait.method.attention_maps import layer_grid


@dataclass(frozen=True)
class LayerMaps:
    """Pictures, and what is needed to read values from them.

    Attributes:
        files: PNG by file name.
        described: For sample.json.
    """

    files: dict[str, bytes]
    described: dict[str, Any]


def layer_maps(pair: Pair) -> LayerMaps:
    """All pictures of a pair that was drawn with layer maps."""
    layers, difference = _layers(pair), _difference(pair)
    return LayerMaps(layers.files | difference.files, layers.described | difference.described)


def attention_difference(pair: Pair) -> Tensor:
    """mean_l Â_res − mean_l Â_ref at each recorded timestep, [timesteps, base phrases and PAD, height, width].

    Â leaves the target's share out, see `shared_attention`: what is left differs where the paths look elsewhere, and
    not because the response has one phrase more to look at. Each path is on its own x_t.

    Args:
        pair: Drawn with layer maps.
    """
    return pair.response.shared - pair.reference.shared


def _layers(pair: Pair) -> LayerMaps:
    """Grey, a pixel a cell. A phrase has one scale in a layer, for both paths and all timesteps."""
    size = (pair.response.attention.shape[-2], pair.response.attention.shape[-1])
    whites = [_white(*maps) for maps in zip(pair.reference.layers, pair.response.layers, strict=True)]
    grids = [layer_grid(maps.shape[1], *size) for maps in pair.response.layers]
    files: dict[str, bytes] = {}
    for path, drawing in paths_of(pair):
        for layer, (maps, white, grid) in enumerate(zip(drawing.layers, whites, grids, strict=True)):
            for phrase in shown_phrases(path, maps.shape[-1]):
                shown = (maps[..., phrase] / white[phrase]).reshape(-1, *grid)
                files |= {layer_map_name(path, layer, phrase, t): grey_png(m, grid) for t, m in enumerate(shown)}
    named = zip(pair.layer_names, grids, whites, strict=True)
    return LayerMaps(
        files,
        {
            "layers": [
                {"name": name, "rows": rows, "columns": columns, "white": white.tolist()}
                for name, (rows, columns), white in named
            ]
        },
    )


def _white(reference: Tensor, response: Tensor) -> Tensor:
    """The largest attention to each phrase, [columns]; both are [timesteps, cells, columns]."""
    return torch.maximum(reference.amax(dim=(0, 1)), response.amax(dim=(0, 1))).clamp_min(LEAST_WHITE)


def _difference(pair: Pair) -> LayerMaps:
    """Red where the response attends more. A phrase has one scale for all timesteps and their mean."""
    difference, size_px = attention_difference(pair), picture_size(pair)
    ends = difference.abs().amax(dim=(0, 2, 3))
    phrases = shown_phrases("reference", difference.shape[1] + 1)
    scaled = difference / ends.clamp_min(LEAST_WHITE)[:, None, None]
    files: dict[str, bytes] = {}
    for column, phrase in enumerate(phrases):
        shown = scaled[:, column]
        files[mean_attention_difference_name(phrase)] = two_sided_png(shown.mean(dim=0), size_px)
        files |= {attention_difference_name(phrase, t): two_sided_png(m, size_px) for t, m in enumerate(shown)}
    return LayerMaps(files, {"attention_difference": {"phrases": phrases, "strongest_colour": ends.tolist()}})
