"""Reference path and response path: the same x_t and t through one network, with the adapter off and on."""

from dataclasses import dataclass

import torch
from torch import Tensor

from spf_portrait.adapter import adapter_off
from spf_portrait.method.attention_recorder import AttentionRecord, AttentionRecorder
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import TextEmbedding


@dataclass(frozen=True)
class PathResult:
    """What one path answered, and what its cross-attention looked at.

    Attributes:
        predicted: ε, v or velocity, [batch, channels, height, width].
        attention: Phrase maps and queries per layer.
    """

    predicted: Tensor
    attention: AttentionRecord

    def first(self, rows: int) -> "PathResult":
        """Of the first rows of the batch."""
        heard = self.attention
        maps, shared, queries = (
            tuple(layer[:rows] for layer in layers) for layers in (heard.maps, heard.shared, heard.queries)
        )
        return PathResult(self.predicted[:rows], AttentionRecord(maps, shared, queries))


def reference_pass(
    base: BaseModel, recorder: AttentionRecorder, x_t: Tensor, timesteps: Tensor, text: TextEmbedding, pooling: Tensor
) -> PathResult:
    """The original model on the base text; no gradient. Run it before the response pass of the same step.

    Args:
        base: Its network may carry an adapter, which is off here.
        recorder: Open on that network; it listens to this pass alone.
        x_t: Noised latents, [batch, channels, height, width].
        timesteps: [batch].
        text: Embeddings of the base texts, a row each.
        pooling: Of the base texts, [batch, tokens, columns].
    """
    with torch.no_grad(), adapter_off(base.network):
        return _pass(base, recorder, x_t, timesteps, text, pooling)


def response_pass(
    base: BaseModel, recorder: AttentionRecorder, x_t: Tensor, timesteps: Tensor, text: TextEmbedding, pooling: Tensor
) -> PathResult:
    """The tuned model; `text` and `pooling` are those of the complete texts. Arguments as for `reference_pass`."""
    return _pass(base, recorder, x_t, timesteps, text, pooling)


def _pass(
    base: BaseModel, recorder: AttentionRecorder, x_t: Tensor, timesteps: Tensor, text: TextEmbedding, pooling: Tensor
) -> PathResult:
    recorder.listen(pooling)
    predicted = predict(base, x_t, timesteps, text)
    return PathResult(predicted, recorder.record())
