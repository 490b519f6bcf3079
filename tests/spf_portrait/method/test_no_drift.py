"""L_tc counts drift alone: a model that nothing has changed loses nothing because a target is asked for, too.

CLIP's text encoder is causal, so the phrases before the target are read as if it was not there. What follows it is not:
end of text and padding know of the target, and there is less padding. The base text here is therefore the complete one
without the tokens of the target.
"""

from typing import Any, cast

import pytest
import torch
from torch import Tensor

from spf_portrait.contract.phrases import Caption
from spf_portrait.method.attention_maps import PAD, TARGET
from spf_portrait.method.attention_recorder import AttentionRecord, AttentionRecorder
from spf_portrait.method.dual_path import reference_pass
from spf_portrait.method.losses import text_consistent_loss
from spf_portrait.method.prompts import Prompt, reference_prompt, response_prompt
from spf_portrait.models.base_model import BaseModel, encode_text
from spf_portrait.models.families.text_embedding import TextEmbedding

CAPTION = Caption(base=("a woman", "a blue hat"), target="blonde hair")
T = torch.tensor([100, 900])
X_T = torch.randn(2, 8, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def prompts(base: BaseModel) -> tuple[Prompt, Prompt]:
    """Base text and complete text."""
    return reference_prompt(base.text_axis, CAPTION, 2), response_prompt(base.text_axis, CAPTION, 2)


@pytest.fixture
def records(base: BaseModel, prompts: tuple[Prompt, Prompt]) -> tuple[AttentionRecord, AttentionRecord]:
    """What the same weights look at without the target and with it."""
    sharpen(base)
    _, complete = prompts
    text = encode_text(base, [complete.text]).expand(2)
    others = complete.pooling[:, TARGET] == 0
    without = TextEmbedding(text.states[:, others], text.pooled)
    with AttentionRecorder(base.network) as recorder:
        reference = reference_pass(base, recorder, X_T, T, without, complete.pooling[others].expand(2, -1, -1))
        response = reference_pass(base, recorder, X_T, T, text, complete.pooling.expand(2, -1, -1))
    return reference.attention, response.attention


def sharpen(base: BaseModel) -> None:
    """Heads that choose where to look, and layers that say nothing, so that the next ones have the same queries."""
    modules: list[tuple[str, Any]] = list(cast("Any", base.network).named_modules())
    with torch.no_grad():
        for attention in (module for name, module in modules if name.endswith("attn2")):
            attention.to_q.weight *= 8
            attention.to_k.weight *= 8
            attention.to_out[0].weight.zero_()
            attention.to_out[0].bias.zero_()


def loss(response: tuple[Tensor, ...], reference: tuple[Tensor, ...]) -> Tensor:
    return text_consistent_loss(response, reference, torch.ones(2, 4), torch.zeros(2, 8, 8))


def test_the_target_does_not_change_how_base_phrases_are_read(base: BaseModel, prompts: tuple[Prompt, Prompt]) -> None:
    alone, complete = (encode_text(base, [prompt.text]).states[0] for prompt in prompts)
    phrases = prompts[0].pooling[:, :TARGET].any(dim=1)
    torch.testing.assert_close(alone[phrases], complete[phrases])


def test_without_drift_nothing_is_lost(records: tuple[AttentionRecord, AttentionRecord]) -> None:
    reference, response = records
    assert len(reference.shared) == 4
    assert loss(response.shared, reference.shared) < 1e-9


def test_heads_must_be_renormalised_one_by_one_for_that(records: tuple[AttentionRecord, AttentionRecord]) -> None:
    """Of maps that were averaged before, the same weights would lose far more than nothing."""
    reference, response = (
        tuple(torch.cat((m[..., :TARGET], m[..., PAD, None]), dim=-1) / (1 - m[..., TARGET, None]) for m in path.maps)
        for path in records
    )
    assert loss(response, reference) > 0.01
