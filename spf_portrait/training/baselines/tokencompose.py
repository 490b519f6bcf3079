"""TokenCompose (arXiv 2312.03626): fine-tuning in which each phrase is looked at where its mask says.

    L = L_denoise + 1e-3 · Σ_l mean_i (1 − Σ_{u ∈ M_i} A^l_u[i] / Σ_u A^l_u[i])²
                  + 5e-5 · Σ_r mean_i mean_u BCE(A^r_u[i], M_i,u)

i runs over the phrases of a caption that have a mask M_i, where the paper has nouns found by a tagger and masks found
by a segmentation network; u over cells, l over the cross-attention layers in the middle and on the way up, r over their
resolutions, of which each has the mean map of its layers.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from spf_portrait.contract.caption_set import LoadedCaptionSet
from spf_portrait.contract.errors import DataError, ModelError
from spf_portrait.method.attention_maps import layer_grid
from spf_portrait.method.attention_recorder import AttentionRecorder
from spf_portrait.method.dual_path import response_pass
from spf_portrait.method.losses import denoising_loss
from spf_portrait.method.micro_batches import path_in_batches
from spf_portrait.method.phrase_masks import phrase_masks
from spf_portrait.method.states import noised
from spf_portrait.training.baselines import fine_tuning
from spf_portrait.training.baselines.material import Material
from spf_portrait.training.stages import Draw, Stage

_EPSILON: Final = 1e-8
_SUPERVISED: Final = ("mid", "up")
"""How the blocks are called whose attention is compared with masks."""


def stages(on: Material) -> tuple[Stage, Stage]:
    """Fine-tuning with both losses.

    Raises:
        DataError: The set has no masks, or one that cannot be used.
        ModelError: The network has no middle and no way up.
    """
    _check_masks(on.portraits)
    layers, masks = supervised_layers(on.recorder), _masks(on)
    first, second = fine_tuning.stages(on)
    return _composing(first, on, layers, masks), _composing(second, on, layers, masks)


def _composing(stage: Stage, on: Material, layers: list[int], masks: Tensor) -> Stage:
    settings = on.spec.rivals.tokencompose

    def losses(draw: Draw) -> dict[str, Tensor]:
        batch, schedule = on.rows.brought(draw.portraits), on.base.schedule
        state = noised(schedule, batch.x_0, schedule.trained_at(draw.times), draw.noise)
        looked_at = (on.base, on.recorder, state.x_t, state.timesteps, batch.complete_text, batch.complete_pooling)
        response = path_in_batches(response_pass, *looked_at, on.spec.batch_size)
        maps = [response.attention.maps[layer] for layer in layers]
        wanted = masks[draw.portraits.cpu()].to(state.x_t.device)
        return {
            "denoise": denoising_loss(response.predicted, state.truth),
            "token": token_loss(maps, wanted),
            "pixel": pixel_loss(maps, wanted),
        }

    weights = {**stage.weights, "token": settings.token_weight, "pixel": settings.pixel_weight}
    return replace(stage, losses=losses, weights=weights)


def token_loss(maps: Sequence[Tensor], masks: Tensor) -> Tensor:
    """Σ_l mean_i (1 − share of A^l[i] that falls into M_i)², mean over rows.

    Args:
        maps: A^l, [rows, cells of the layer, columns] each.
        masks: 1 inside, [rows, columns, height, width] at the size of the latents; phrases without any 1 do not count.
    """
    missed: list[Tensor] = []
    for layer in maps:
        inside = (layer * _at(masks, layer.shape[1])).sum(dim=1) / layer.sum(dim=1).clamp_min(_EPSILON)
        missed.append(_over_phrases((1 - inside).square(), masks))
    return torch.stack(missed).sum()


def pixel_loss(maps: Sequence[Tensor], masks: Tensor) -> Tensor:
    """Σ_r mean_i mean_u BCE(A^r_u[i], M_i,u), mean over rows; arguments as for `token_loss`."""
    crossed: list[Tensor] = []
    for cells in sorted({layer.shape[1] for layer in maps}):
        mean = torch.stack([layer for layer in maps if layer.shape[1] == cells]).mean(dim=0).clamp(0, 1)
        entropy = F.binary_cross_entropy(mean, _at(masks, cells), reduction="none").mean(dim=1)
        crossed.append(_over_phrases(entropy, masks))
    return torch.stack(crossed).sum()


def _at(masks: Tensor, cells: int) -> Tensor:
    """At the size of a layer, [rows, cells, columns]; a cell with any 1 in it has a 1."""
    grid = layer_grid(cells, masks.shape[-2], masks.shape[-1])
    return F.adaptive_max_pool2d(masks, grid).flatten(2).transpose(1, 2)


def _over_phrases(values: Tensor, masks: Tensor) -> Tensor:
    """Mean of [rows, columns] over each row's phrases that have a mask, then over rows."""
    counted = masks.flatten(2).amax(dim=-1)
    return ((values * counted).sum(dim=1) / counted.sum(dim=1).clamp_min(1)).mean()


def supervised_layers(recorder: AttentionRecorder) -> list[int]:
    """Places in a record of the layers in the middle and on the way up.

    Raises:
        ModelError: The network is no U-Net.
    """
    found = [index for index, name in enumerate(recorder.layer_names) if name.startswith(_SUPERVISED)]
    if not found:
        raise ModelError(
            "no_supervised_layers",
            "a network without a middle and a way up",
            "a U-Net, as Stable Diffusion 1.x, 2.x and XL have it",
            "Choose another base model, or another method",
        )
    return found


def _masks(on: Material) -> Tensor:
    columns = on.rows.complete_pooling.shape[-1]
    height, width = on.rows.x_0.shape[-2:]
    return phrase_masks(on.portraits, columns, height * on.base.latent_factor, (height, width))


def _check_masks(portraits: LoadedCaptionSet) -> None:
    if not any(portraits.masks):
        raise DataError(
            "no_masks",
            "a caption set without masks",
            "for method tokencompose a folder masks beside the portraits, with masks/<name of the portrait without its "
            "suffix>/<phrase>.png for phrases that it shows",
            "Add masks, white where the phrase can be seen, or choose another method",
        )
