"""Listens to a U-Net's cross-attention: phrase maps A^l and queries Q^l of the latest forward pass.

The attention processors stay as they are. Hooks on each attn2 layer see what `to_q` and `to_k` gave (with an adapter's
share), and the maps are computed beside the layer, so a recorded forward pass is bit for bit the unrecorded one.
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from spf_portrait.attention_maps import phrase_attention


@dataclass(frozen=True)
class AttentionRecord:
    """What one forward pass showed, one entry per cross-attention layer in the order of the U-Net's modules.

    Attributes:
        maps: A^l, [batch, cells, columns] each.
        queries: Q^l before the head split, [batch, cells, channels] each.
    """

    maps: tuple[Tensor, ...]
    queries: tuple[Tensor, ...]


class AttentionRecorder:
    """Context manager; on exit no trace of it is left on the U-Net.

    Keep it open over the backward pass: with gradient checkpointing the layers run again there, and must do the same.

        with AttentionRecorder(unet) as recorder:
            recorder.listen(pooling)
            unet(x_t, t, states)
            record = recorder.record()

    Args:
        unet: Any module with diffusers' Attention blocks named attn2.
    """

    def __init__(self, unet: nn.Module) -> None:
        modules: list[tuple[str, nn.Module]] = list(cast("Any", unet).named_modules())
        self._layers = [_Layer(module) for name, module in modules if name.endswith("attn2")]

    def __enter__(self) -> Self:
        for layer in self._layers:
            layer.attach()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for layer in self._layers:
            layer.detach()

    def listen(self, pooling: Tensor | None) -> None:
        """From now on record with this pooling matrix [batch, tokens, columns]; None pauses.

        With a batch smaller than the U-Net's, the last rows are recorded: with classifier-free guidance those are the
        rows with text.
        """
        for layer in self._layers:
            layer.pooling = pooling

    def record(self) -> AttentionRecord:
        """What the latest forward pass showed."""
        return AttentionRecord(
            tuple(layer.maps for layer in self._layers if layer.maps is not None),
            tuple(layer.query for layer in self._layers if layer.query is not None),
        )


class _Layer:
    """Hooks on one attn2 layer. Results are overwritten, never appended: checkpointing runs a layer twice."""

    def __init__(self, attention: Any) -> None:
        self._attention = attention
        self._handles: list[RemovableHandle] = []
        self.pooling: Tensor | None = None
        self.maps: Tensor | None = None
        self.query: Tensor | None = None

    def attach(self) -> None:
        self._handles = [
            self._attention.to_q.register_forward_hook(self._saw_query),
            self._attention.to_k.register_forward_hook(self._saw_key),
        ]

    def detach(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles, self.pooling, self.maps, self.query = [], None, None, None

    def _saw_query(self, module: nn.Module, inputs: tuple[Tensor, ...], query: Tensor) -> None:
        if self.pooling is not None:
            self.query = query[-len(self.pooling) :]

    def _saw_key(self, module: nn.Module, inputs: tuple[Tensor, ...], key: Tensor) -> None:
        """Every processor asks for the key after the query, so both are known here."""
        if self.pooling is None or self.query is None:
            return
        self.maps = phrase_attention(
            self.query,
            key[-len(self.pooling) :],
            self.pooling,
            heads=self._attention.heads,
            scale=self._attention.scale,
        )
