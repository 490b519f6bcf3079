"""The losses of both stages. Pure functions of tensors.

Reference tensors carry no gradient; M [batch, height, width] is the control map, M_l the same area-pooled to layer l.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from spf_portrait.method.attention_maps import layer_grid

_EPSILON: Final = 1e-6
SMALLEST_PLACE: Final = 0.01
"""Mean of M below which a place no longer pulls as hard as a whole picture: a map of a cell or two is chance."""
SMALLEST_SHARE: Final = 0.01
"""Mean attention below which a phrase's map is no longer stretched. Without it L_tc was 1e8 on the bundled model."""


def denoising_loss(predicted: Tensor, target: Tensor) -> Tensor:
    """L_denoise = mean (ε_θ(x_t, t, complete text) − ε)²; v in place of ε for v-prediction."""
    return F.mse_loss(predicted.float(), target.float())


def masked_denoising_loss(predicted: Tensor, target: Tensor, place: Tensor) -> Tensor:
    """L_d = mean over channels of Σ M · (ε_θ(x_t, t, text) − ε)² / Σ M: learn from the portrait in the target's place.

    Σ runs over all cells of the batch. Divided by their number instead, the same weight would pull hair, which fills a
    seventh of a portrait, twice as hard as glasses.

    Args:
        predicted: [batch, channels, height, width].
        target: ε (v, velocity), the same shape.
        place: M, [batch, height, width].
    """
    missed = place[:, None] * (predicted.float() - target.float()).square()
    return missed.mean() / place.mean().clamp_min(SMALLEST_PLACE)


def text_consistent_loss(
    response: tuple[Tensor, ...], reference: tuple[Tensor, ...], present: Tensor, control: Tensor
) -> Tensor:
    """L_tc = mean over l, p, cells of (1 − M_l) · (Â_res^l[p] − sg Â_ref^l[p])².

    p runs over the base phrases and PAD. Both maps are divided by the reference map's spatial mean, so that a coarse
    layer and a phrase of few tokens count as much as others.

    Where both prompts' shared tokens have the same embeddings and both paths the same queries, it is 0: that the
    response has a target to look at, too, is no drift.

    Args:
        response: Â^l per layer, [batch, cells, columns − 1] as `phrase_attention` gives it.
        reference: The same of the reference path.
        present: [batch, columns], 1 for columns that stand for a phrase of that caption and 0 for filling.
        control: M.
    """
    chosen = torch.cat((present[:, :-2], present[:, -1:]), dim=1)[:, None]
    return _mean(_consistency(a, b, chosen, control) for a, b in zip(response, reference, strict=True))


def _consistency(response: Tensor, reference: Tensor, chosen: Tensor, control: Tensor) -> Tensor:
    scale = reference.detach().mean(dim=1, keepdim=True).clamp_min(SMALLEST_SHARE)
    drift = ((response - reference.detach()) / scale).square() * chosen
    weighted = held(control, response.shape[1])[..., None] * drift
    return weighted.sum() / (chosen.sum() * response.shape[1])


def fine_grained_loss(response: tuple[Tensor, ...], reference: tuple[Tensor, ...], control: Tensor) -> Tensor:
    """L_fg = mean over l, cells, channels of (1 − M_l) · (Q_res^l − sg Q_ref^l)², relative to mean (Q_ref^l)².

    Args:
        response: Per layer the cross-attention queries [batch, cells, channels] before the head split.
        reference: The same of the reference path.
        control: M.
    """
    return _mean(_query_drift(a, b.detach(), control) for a, b in zip(response, reference, strict=True))


def _query_drift(response: Tensor, reference: Tensor, control: Tensor) -> Tensor:
    drift = (response.float() - reference.float()).square()
    weighted = held(control, response.shape[1])[..., None] * drift
    return weighted.mean() / reference.float().square().mean().clamp_min(_EPSILON)


def prediction_anchor_loss(response: Tensor, reference: Tensor, control: Tensor) -> Tensor:
    """L_pa = mean over cells, channels of (1 − M) · (ε_res − sg ε_ref)². Ours: the paper holds attention alone.

    Args:
        response: The network's answer, [batch, channels, height, width].
        reference: The same of the reference path.
        control: M.
    """
    return ((1 - control[:, None]) * (response.float() - reference.detach().float()).square()).mean()


def guided_anchor_loss(
    response: tuple[Tensor, Tensor], reference: tuple[Tensor, Tensor], released: Tensor, scale: float
) -> Tensor:
    """L_g = mean over cells, channels of (1 − R) · (g_θ − sg g_ref)² / s², g = ε_∅ + s (ε_base − ε_∅).

    What sampling follows is g: small drifts of ε_base and ε_∅ that point apart are s times as large in it.

    Args:
        response: ε_θ of the base text and of the empty text, [pairs, channels, height, width] each.
        reference: The same of the original model.
        released: R, [pairs, height, width].
        scale: s, the guidance scale.
    """
    base, nothing = (ours.float() - theirs.detach().float() for ours, theirs in zip(response, reference, strict=True))
    drift = nothing + scale * (base - nothing)
    return ((1 - released[:, None]) * drift.square()).mean() / scale**2


def held(control: Tensor, cells: int) -> Tensor:
    """1 − M_l: how firmly each cell of a layer is held to the reference, [batch, cells]."""
    grid = layer_grid(cells, control.shape[-2], control.shape[-1])
    return 1 - F.adaptive_avg_pool2d(control[:, None], grid).flatten(1)


def weighted_total(raw: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """L = Σ w_k · L_k over the terms whose weight is not 0; all other values are only logged.

    A step may have none of them, such as one between two batches for denoising: L is 0 then, without a gradient.
    """
    terms = [weights[name] * value for name, value in raw.items() if weights.get(name)]
    return torch.stack(terms).sum() if terms else torch.zeros(())


def _mean(values: Iterable[Tensor]) -> Tensor:
    return torch.stack(tuple(values)).mean()
