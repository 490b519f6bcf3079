"""Listens where a network attends to text: phrase maps A^l, Â^l and queries Q^l of one forward pass.

The attention processors stay as they are. Hooks take hold of the queries of the picture and the keys of the text as a
layer is about to use them (with an adapter's share, and normalised where the layer does that). They compute nothing:
the maps are made of both when the pass is over. So a recorded forward pass is bit for bit the unrecorded one, and
gradient checkpointing, which runs the layers again in the backward pass, finds nothing to repeat.

In a U-Net these are the attn2 layers. In a joint-attention transformer the picture attends to itself and to the text at
once; the softmax over the text's keys alone stands for A there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, cast

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from spf_portrait.method.attention_maps import PhraseMaps, phrase_attention
from spf_portrait.method.recomputed import recomputed

_WAY: Final = ("down", "mid", "up")
"""How a U-Net is passed, by what the names of its blocks begin with."""


@dataclass(frozen=True)
class AttentionRecord:
    """What one forward pass showed, one entry per layer in the order in which the network passes them.

    Attributes:
        maps: A^l, [batch, cells, columns] each.
        shared: Â^l, A^l without the target, [batch, cells, columns − 1] each.
        queries: Q^l of the picture, heads joined, [batch, cells, channels] each.
    """

    maps: tuple[Tensor, ...]
    shared: tuple[Tensor, ...]
    queries: tuple[Tensor, ...]


class AttentionRecorder:
    """Context manager; on exit no trace of it is left on the network.

        with AttentionRecorder(network) as recorder:
            recorder.listen(pooling)
            network(x_t, t, states)
            record = recorder.record()

    Args:
        network: With diffusers' Attention blocks: joint ones, or else those named attn2.
    """

    def __init__(self, network: nn.Module) -> None:
        modules: list[tuple[str, Any]] = sorted(cast("Any", network).named_modules(), key=_depth)
        joint = [(name, module) for name, module in modules if getattr(module, "add_k_proj", None) is not None]
        cross = [(name, module) for name, module in modules if name.endswith("attn2")]
        self._network = network
        self._layers = [_joint_layer(module) for _, module in joint] or [_cross_layer(module) for _, module in cross]
        self._handles: list[RemovableHandle] = []
        self._awaited: _Pass | None = None
        self._running: _Pass | None = None
        self._heard: _Pass | None = None
        self.layer_names = tuple(name for name, _ in joint or cross)
        """Of the layers in a record, in its order."""

    def __enter__(self) -> Self:
        self._handles = list(self._hooks())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles, self._awaited, self._heard = [], None, None

    def listen(self, pooling: Tensor | None) -> None:
        """Record the next forward pass with this pooling matrix [batch, tokens, columns]; None for no pass.

        Forgets what was heard before. Whatever runs after that pass is not recorded: neither a second forward pass, nor
        the layers that gradient checkpointing runs again in the backward pass.

        With a batch smaller than the network's, the last rows are recorded: with classifier-free guidance those are the
        rows with text.
        """
        self._awaited, self._heard = None if pooling is None else _Pass(pooling), None

    def record(self) -> AttentionRecord:
        """What the pass showed that was listened to, empty if none was; it is forgotten here, so ask once."""
        heard, self._heard = self._heard, None
        return AttentionRecord((), (), ()) if heard is None else heard.recorded(self._layers)

    def _hooks(self) -> Iterator[RemovableHandle]:
        yield self._network.register_forward_pre_hook(self._starts)
        for index, layer in enumerate(self._layers):
            yield layer.of_query.register_forward_hook(partial(self._saw_query, index))
            yield layer.of_key.register_forward_hook(partial(self._saw_key, index))
        yield self._network.register_forward_hook(self._ended, always_call=True)

    def _starts(self, network: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._running, self._awaited = self._awaited, None

    def _ended(self, network: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        if self._running is not None:
            self._heard, self._running = self._running, None

    def _saw_query(self, layer: int, module: nn.Module, inputs: tuple[Tensor, ...], query: Tensor) -> None:
        if self._running is not None:
            self._running.queries[layer] = query

    def _saw_key(self, layer: int, module: nn.Module, inputs: tuple[Tensor, ...], key: Tensor) -> None:
        if self._running is not None:
            self._running.keys[layer] = key


def _depth(module: tuple[str, Any]) -> int:
    """A U-Net lists its middle block last, but passes it between the way down and the way up."""
    block = module[0].partition("_")[0]
    return _WAY.index(block) if block in _WAY else 0


@dataclass(frozen=True)
class _Layer:
    """One layer that attends to text.

    Attributes:
        attention: The layer.
        of_query: Its module that gives the picture's queries.
        of_key: Its module that gives the text's keys.
    """

    attention: Any
    of_query: nn.Module
    of_key: nn.Module


def _cross_layer(attention: Any) -> _Layer:
    return _Layer(attention, attention.to_q, attention.to_k)


def _joint_layer(attention: Any) -> _Layer:
    """Queries and keys behind their norms; of these, 3.0 has none and 3.5 has both."""
    normed_key = getattr(attention, "norm_added_k", None)
    query = attention.to_q if attention.norm_q is None else attention.norm_q
    return _Layer(attention, query, attention.add_k_proj if normed_key is None else normed_key)


@dataclass(frozen=True)
class _Pass:
    """One forward pass: what it is recorded with, and queries and keys by number of the layer, as they were met."""

    pooling: Tensor
    queries: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    keys: dict[int, Tensor] = field(default_factory=dict[int, Tensor])

    def recorded(self, layers: list[_Layer]) -> AttentionRecord:
        queries = {index: _heads_joined(query[-len(self.pooling) :]) for index, query in sorted(self.queries.items())}
        seen = [self._maps(layers[index].attention, query, self.keys[index]) for index, query in queries.items()]
        maps, shared = tuple(one.maps for one in seen), tuple(one.shared for one in seen)
        return AttentionRecord(maps, shared, tuple(queries.values()))

    def _maps(self, attention: Any, query: Tensor, key: Tensor) -> PhraseMaps:
        """Of a layer. Its softmax is as large as cells times tokens times heads, so the backward pass does it again."""
        pooled = partial(phrase_attention, heads=attention.heads, scale=attention.scale)
        return recomputed(pooled, query, _heads_joined(key[-len(self.pooling) :]), self.pooling)


def _heads_joined(states: Tensor) -> Tensor:
    """[batch, heads, n, width], as norms get it → [batch, n, heads · width]."""
    return states if states.dim() == 3 else states.transpose(1, 2).flatten(2)
