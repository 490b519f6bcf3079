"""From cross-attention queries and keys to one map per phrase. Pure functions of tensors.

A_h[p] is what head h attends to the tokens of phrase p. The sum over tokens is one product with a pooling matrix
[tokens, columns]: first a column for every base phrase, then TARGET, then PAD (end of text and padding).
"""

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

TARGET: Final = -2
"""Column of the target phrase; all zeros in a prompt without target."""
PAD: Final = -1
"""Column of the end-of-text token and the padding behind it."""
_LEAST_LEFT: Final = 1e-30
"""A head that looks at the target alone leaves nothing to divide."""


@dataclass(frozen=True)
class PhraseMaps:
    """What the cells of one layer look at, averaged over heads.

    Attributes:
        maps: A, [batch, cells, columns]; a column is the share of attention that a cell pays to that phrase.
        shared: Â, what it would be without the target, [batch, cells, columns − 1]: base phrases, then PAD.
    """

    maps: Tensor
    shared: Tensor


def phrase_attention(query: Tensor, key: Tensor, pooling: Tensor, *, heads: int, scale: float) -> PhraseMaps:
    """A[p] = mean_h A_h[p] and Â[p] = mean_h A_h[p] / (1 − A_h[target]).

    1 − A_h[target] is measured as the attention to all other tokens: taken from 1 it would be mere rounding in a head
    that looks at little but the target.

    Args:
        query: [batch, cells, heads · width].
        key: [batch, tokens, heads · width].
        pooling: [batch, tokens, columns].
        heads: Number of attention heads.
        scale: Factor on the logits, 1/√width as a rule.
    """
    others = 1 - pooling[..., TARGET, None]
    by_head = attention_by_head(query, key, torch.cat((pooling, others), dim=-1), heads=heads, scale=scale)
    maps, left = by_head[..., :-1], by_head[..., -1:]
    return PhraseMaps(maps.mean(dim=1), shared_attention(maps, left))


def attention_by_head(query: Tensor, key: Tensor, pooling: Tensor, *, heads: int, scale: float) -> Tensor:
    """A_h: of every head softmax(Q Kᵀ · scale), times the pooling matrix; in fp32, also inside of autocast.

    Arguments as for `phrase_attention`.

    Returns:
        [batch, heads, cells, columns].
    """
    queries, keys = _split_heads(query.float(), heads), _split_heads(key.float(), heads)
    with torch.autocast(query.device.type, enabled=False):
        return torch.softmax(queries @ keys.transpose(-1, -2) * scale, dim=-1) @ pooling[:, None]


def shared_attention(maps: Tensor, left: Tensor) -> Tensor:
    """Â[p] = mean_h A_h[p] / (1 − A_h[target]): each head's softmax renormalised over the tokens of both prompts.

    Each for itself, because heads look at the target to different degrees: of their mean, the head that looks there
    least would have the greatest say, and Â would change although the same weights look at the same tokens.

    Args:
        maps: A_h, [batch, heads, cells, columns].
        left: 1 − A_h[target], [batch, heads, cells, 1].

    Returns:
        [batch, cells, columns − 1]: base phrases, then PAD.
    """
    shared = torch.cat((maps[..., :TARGET], maps[..., PAD, None]), dim=-1)
    return (shared / left.clamp_min(_LEAST_LEFT)).mean(dim=1)


def layer_grid(cells: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of a layer with `cells` cells in a U-Net over height x width latents, each level half the size.

    Raises:
        ValueError: No level of such a U-Net has that many cells.
    """
    rows, columns = height, width
    while rows * columns > cells:
        rows, columns = -(-rows // 2), -(-columns // 2)
    if rows * columns != cells:
        raise ValueError(f"Found a layer of {cells} cells; a U-Net over {height} x {width} latents has none such.")
    return rows, columns


def mean_over_layers(layers: tuple[Tensor, ...], height: int, width: int) -> Tensor:
    """mean_l A^l at the size of the latents.

    Args:
        layers: One tensor [batch, cells of the layer, columns] per layer.
        height: Rows of the latents.
        width: Columns of the latents.

    Returns:
        [batch, columns, height, width].
    """
    return torch.stack([_at_latent_size(layer, height, width) for layer in layers]).mean(dim=0)


def _at_latent_size(maps: Tensor, height: int, width: int) -> Tensor:
    grid = maps.transpose(1, 2).reshape(len(maps), -1, *layer_grid(maps.shape[1], height, width))
    return F.interpolate(grid, (height, width), mode="bilinear", align_corners=False)


def _split_heads(states: Tensor, heads: int) -> Tensor:
    """[batch, n, heads · width] → [batch, heads, n, width]."""
    batch, length, width = states.shape
    return states.view(batch, length, heads, width // heads).transpose(1, 2)
