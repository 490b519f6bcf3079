"""From cross-attention queries and keys to one map per phrase. Pure functions of tensors.

A[p] is the attention averaged over heads and summed over the tokens of phrase p. The sum is one product with a pooling
matrix [tokens, columns]: first a column for every base phrase, then TARGET, then PAD (end of text and padding).
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

TARGET: Final = -2
"""Column of the target phrase; all zeros in a prompt without target."""
PAD: Final = -1
"""Column of the end-of-text token and the padding behind it."""
_EPSILON: Final = 1e-6


def phrase_attention(query: Tensor, key: Tensor, pooling: Tensor, *, heads: int, scale: float) -> Tensor:
    """A = mean over heads of softmax(Q Kᵀ · scale), times the pooling matrix; all in fp32, also inside of autocast.

    Args:
        query: [batch, cells, heads · width].
        key: [batch, tokens, heads · width].
        pooling: [batch, tokens, columns].
        heads: Number of attention heads.
        scale: Factor on the logits, 1/√width as a rule.

    Returns:
        [batch, cells, columns]; a column is the share of attention that a cell pays to that phrase.
    """
    queries, keys = _split_heads(query.float(), heads), _split_heads(key.float(), heads)
    with torch.autocast(query.device.type, enabled=False):
        attention = torch.softmax(queries @ keys.transpose(-1, -2) * scale, dim=-1).mean(dim=1)
        return attention @ pooling


def shared_attention(maps: Tensor) -> Tensor:
    """Â = A / (1 − A[target]): the softmax renormalised per cell over the tokens that both prompts have.

    Args:
        maps: [batch, cells, columns].

    Returns:
        [batch, cells, columns − 1]: base phrases, then PAD.
    """
    left = (1 - maps[..., TARGET, None]).clamp_min(_EPSILON)
    return torch.cat((maps[..., :TARGET], maps[..., PAD, None]), dim=-1) / left


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
