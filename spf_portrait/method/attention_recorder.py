"""Listens where a network attends to text: phrase maps A^l and queries Q^l of the latest forward pass.

The attention processors stay as they are. Hooks see the queries of the picture and the keys of the text as a layer is
about to use them (with an adapter's share, and normalised where the layer does that), and the maps are computed beside
the layer, so a recorded forward pass is bit for bit the unrecorded one.

In a U-Net these are the attn2 layers. In a joint-attention transformer the picture attends to itself and to the text at
once; the softmax over the text's keys alone stands for A there.
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from spf_portrait.method.attention_maps import phrase_attention


@dataclass(frozen=True)
class AttentionRecord:
    """What one forward pass showed, one entry per layer in the order of the network's modules.

    Attributes:
        maps: A^l, [batch, cells, columns] each.
        queries: Q^l of the picture, heads joined, [batch, cells, channels] each.
    """

    maps: tuple[Tensor, ...]
    queries: tuple[Tensor, ...]


class AttentionRecorder:
    """Context manager; on exit no trace of it is left on the network.

    Keep it open over the backward pass: with gradient checkpointing the layers run again there, and must do the same.

        with AttentionRecorder(network) as recorder:
            recorder.listen(pooling)
            network(x_t, t, states)
            record = recorder.record()

    Args:
        network: With diffusers' Attention blocks: joint ones, or else those named attn2.
    """

    def __init__(self, network: nn.Module) -> None:
        modules: list[tuple[str, Any]] = list(cast("Any", network).named_modules())
        joint = [(name, module) for name, module in modules if getattr(module, "add_k_proj", None) is not None]
        cross = [(name, module) for name, module in modules if name.endswith("attn2")]
        self._layers = [_joint_layer(module) for _, module in joint] or [_cross_layer(module) for _, module in cross]
        self.layer_names = tuple(name for name, _ in joint or cross)
        """Of the layers in a record, in its order."""

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
        """From now on record with this pooling matrix [batch, tokens, columns]; None pauses. Forgets the latest record.

        With a batch smaller than the network's, the last rows are recorded: with classifier-free guidance those are the
        rows with text.
        """
        for layer in self._layers:
            layer.pooling, layer.maps, layer.query = pooling, None, None

    def record(self) -> AttentionRecord:
        """What the latest forward pass showed."""
        return AttentionRecord(
            tuple(layer.maps for layer in self._layers if layer.maps is not None),
            tuple(layer.query for layer in self._layers if layer.query is not None),
        )


def _cross_layer(attention: Any) -> "_Layer":
    return _Layer(attention, attention.to_q, attention.to_k)


def _joint_layer(attention: Any) -> "_Layer":
    """Queries and keys behind their norms; of these, 3.0 has none and 3.5 has both."""
    normed_key = getattr(attention, "norm_added_k", None)
    query = attention.to_q if attention.norm_q is None else attention.norm_q
    return _Layer(attention, query, attention.add_k_proj if normed_key is None else normed_key)


class _Layer:
    """Hooks on one layer. Results are overwritten, never appended: checkpointing runs a layer twice.

    Args:
        attention: The layer.
        query: Its module that gives the picture's queries.
        key: Its module that gives the text's keys; runs after the other one, as in every processor of diffusers.
    """

    def __init__(self, attention: Any, query: Any, key: Any) -> None:
        self._attention, self._of_query, self._of_key = attention, query, key
        self._handles: list[RemovableHandle] = []
        self.pooling: Tensor | None = None
        self.maps: Tensor | None = None
        self.query: Tensor | None = None

    def attach(self) -> None:
        self._handles = [
            self._of_query.register_forward_hook(self._saw_query),
            self._of_key.register_forward_hook(self._saw_key),
        ]

    def detach(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles, self.pooling, self.maps, self.query = [], None, None, None

    def _saw_query(self, module: nn.Module, inputs: tuple[Tensor, ...], query: Tensor) -> None:
        if self.pooling is not None:
            self.query = _heads_joined(query[-len(self.pooling) :])

    def _saw_key(self, module: nn.Module, inputs: tuple[Tensor, ...], key: Tensor) -> None:
        if self.pooling is None or self.query is None:
            return
        self.maps = phrase_attention(
            self.query,
            _heads_joined(key[-len(self.pooling) :]),
            self.pooling,
            heads=self._attention.heads,
            scale=self._attention.scale,
        )


def _heads_joined(states: Tensor) -> Tensor:
    """[batch, heads, n, width], as norms get it → [batch, n, heads · width]."""
    return states if states.dim() == 3 else states.transpose(1, 2).flatten(2)
