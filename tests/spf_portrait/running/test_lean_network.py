"""Saving memory: what stays the same, and what is left behind."""

from typing import Any

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import CROSS_ATTENTION, adapter_parameters, attach_adapter
from spf_portrait.method.attention_maps import phrase_attention
from spf_portrait.method.attention_recorder import AttentionRecorder
from spf_portrait.models.base_model import BaseModel, predict
from spf_portrait.models.families.text_embedding import TextEmbedding
from spf_portrait.running.lean_network import lean
from tests.spf_portrait.method.test_micro_batches import Make
from tests.spf_portrait.stepping import stepped
from tests.spf_portrait.tiny_adapters import scramble

X_T, T = torch.randn(2, 8, 8, 8), torch.tensor([10, 500])
TEXT = TextEmbedding(torch.randn(2, 77, 32), torch.randn(2, 32))
POOLING = torch.eye(77)[:, :6].expand(2, -1, -1)


@pytest.fixture
def tuned(base: BaseModel) -> BaseModel:
    attach_adapter(base.network, 2, CROSS_ATTENTION)
    scramble(base.network)
    return base


def gradients(base: BaseModel) -> list[Tensor]:
    """Of a loss that sees the answer, the maps and the queries, as the second stage does."""
    with AttentionRecorder(base.network) as recorder:
        recorder.listen(POOLING)
        predicted, record = predict(base, X_T, T, TEXT), recorder.record()
        parts = [predicted.square().mean(), *(layer.square().mean() for layer in (*record.maps, *record.queries))]
        torch.stack(parts).sum().backward()
    found = [parameter.grad for parameter in adapter_parameters(base.network)]
    base.network.zero_grad()
    return [gradient for gradient in found if gradient is not None]


def test_gradient_checkpointing_computes_blocks_anew_and_changes_no_gradient(tuned: BaseModel) -> None:
    runs: list[int] = []
    network: Any = tuned.network

    def count(module: Any, arguments: Any) -> None:
        runs.append(1)

    handle = network.up_blocks[0].resnets[0].register_forward_pre_hook(count)
    expected = gradients(tuned)
    with lean(tuned.network, gradient_checkpointing=True, precision="fp32"):
        found = gradients(tuned)
    assert len(runs) == 1 + 2
    gradients(tuned)
    assert len(runs) == 4, "it is off again"
    handle.remove()
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_bf16_is_used_inside_of_the_network_alone(tuned: BaseModel) -> None:
    seen: list[torch.dtype] = []
    network: Any = tuned.network

    def note(module: Any, inputs: Any, output: Tensor) -> None:
        seen.append(output.dtype)

    network.mid_block.attentions[0].transformer_blocks[0].attn2.to_q.register_forward_hook(note)
    exact = predict(tuned, X_T, T, TEXT)
    with (
        lean(tuned.network, gradient_checkpointing=False, precision="bf16"),
        AttentionRecorder(tuned.network) as recorder,
    ):
        recorder.listen(POOLING)
        rounded, record = predict(tuned, X_T, T, TEXT), recorder.record()
    assert seen == [torch.float32, torch.bfloat16]
    assert rounded.dtype == torch.float32
    assert all(layer.dtype == torch.float32 for layer in record.maps)
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded, exact, rtol=0.1, atol=0.1)
    assert torch.equal(predict(tuned, X_T, T, TEXT), exact), "it is off again"


def test_phrase_maps_know_no_autocast() -> None:
    query, key = torch.randn(2, 16, 8), torch.randn(2, 77, 8)
    expected = phrase_attention(query, key, POOLING, heads=2, scale=0.5)
    with torch.autocast("cpu", torch.bfloat16):
        found = phrase_attention(query, key, POOLING, heads=2, scale=0.5)
    assert torch.equal(found.maps, expected.maps)
    assert torch.equal(found.shared, expected.shared)


def test_a_training_in_bf16_stays_near_that_in_fp32(make_job: Make) -> None:
    exact, rounded = (
        stepped(make_job(name, masked_denoising=False, precision=precision))
        for name, precision in (("exact", "fp32"), ("rounded", "bf16"))
    )
    assert all(parameter.dtype == torch.float32 for parameter in rounded.state.parameters)
    for mine, theirs in zip(rounded.state.log, exact.state.log, strict=True):
        assert mine["denoise"] != theirs["denoise"]
        assert mine["denoise"] == pytest.approx(theirs["denoise"], rel=0.05)
