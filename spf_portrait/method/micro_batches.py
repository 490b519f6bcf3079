"""Gradient accumulation: a step's portraits pass the network batch after batch, and its losses see all of them at once.

Some values of a step belong to no single portrait: the control map's running maximum, the mean query that L_fg is
relative to, the number of phrases that L_tc is a mean over. Adding up the losses of batches would give each batch its
own. Instead, the forward passes keep nothing but their answers, the losses are taken of all answers joined, and the
backward pass runs batch after batch forward once more (as gradient caching does, arXiv 2101.06983). So a step is by
definition that of the big batch, the running maximum included: it fades once a step and then meets every portrait of
the step. What is kept of each portrait is its answer, attention maps and queries; the price is a forward pass more.
"""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from spf_portrait.method.attention_recorder import AttentionRecord, AttentionRecorder
from spf_portrait.method.dual_path import PathResult
from spf_portrait.method.recomputed import recomputed
from spf_portrait.models.base_model import BaseModel
from spf_portrait.models.families.text_embedding import TextEmbedding

Result = TypeVar("Result")
Pass = Callable[[BaseModel, AttentionRecorder, Tensor, Tensor, TextEmbedding, Tensor], PathResult]
"""`reference_pass` or `response_pass`."""


def in_batches(
    work: Callable[[Tensor], Result], rows: int, at_once: int, join: Callable[[list[Result]], Result]
) -> Result:
    """Work on rows in batches; the same answers and gradients as at once.

    Args:
        work: Given indices of rows, answers for them. It is called again in the backward pass.
        rows: How many there are.
        at_once: Largest batch.
        join: Puts the answers of batches together.
    """
    indices = torch.arange(rows)
    if rows <= at_once:
        return work(indices)
    return join([recomputed(work, batch) for batch in torch.split(indices, at_once)])


def path_in_batches(
    run: Pass,
    base: BaseModel,
    recorder: AttentionRecorder,
    x_t: Tensor,
    timesteps: Tensor,
    text: TextEmbedding,
    pooling: Tensor,
    at_once: int,
) -> PathResult:
    """One of the two paths, at most `at_once` rows at a time; the other arguments are those of the pass."""

    def work(rows: Tensor) -> PathResult:
        return run(base, recorder, x_t[rows], timesteps[rows], text[rows], pooling[rows])

    return in_batches(work, len(x_t), at_once, _joined)


def _joined(results: list[PathResult]) -> PathResult:
    records = [result.attention for result in results]
    return PathResult(
        torch.cat([result.predicted for result in results]),
        AttentionRecord(
            tuple(torch.cat(layer) for layer in zip(*(record.maps for record in records), strict=True)),
            tuple(torch.cat(layer) for layer in zip(*(record.shared for record in records), strict=True)),
            tuple(torch.cat(layer) for layer in zip(*(record.queries for record in records), strict=True)),
        ),
    )
