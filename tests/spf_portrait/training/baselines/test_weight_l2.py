"""Weight-offset L2 measures the whole change of the weights, and with λ = 0 it is plain LoRA."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from spf_portrait.adapter import CROSS_ATTENTION, adapter_deltas, attach_adapter, attach_weight_changes, weight_changes
from spf_portrait.models.base_model import BaseModel
from spf_portrait.training.baselines.weight_l2 import squared_change
from spf_portrait.training.preparation import TrainingJob
from tests.spf_portrait.stepping import adapter_of, equal, stepped
from tests.spf_portrait.tiny_adapters import scramble

Make = Callable[..., TrainingJob]


def weighing(weight: float) -> dict[str, Any]:
    return {"rivals": {"weight_l2": {"weight": weight}}}


@torch.no_grad()
def test_it_is_the_sum_over_the_composed_matrices(base: BaseModel) -> None:
    attach_adapter(base.network, 2, CROSS_ATTENTION)
    scramble(base.network)
    expected = sum(float((up @ down).square().sum()) for down, up in adapter_deltas(base.network).values())
    assert float(squared_change(base.network)) == pytest.approx(expected, rel=1e-5)


@torch.no_grad()
def test_whole_matrices_count_as_they_are(base: BaseModel) -> None:
    attach_weight_changes(base.network, CROSS_ATTENTION)
    scramble(base.network)
    expected = sum(float(weight.change.square().sum()) for weight in weight_changes(base.network).values())
    assert float(squared_change(base.network)) == pytest.approx(expected, rel=1e-5)


def test_without_weight_it_is_plain_lora(make_job: Make) -> None:
    plain, free = make_job("plain", method="lora"), make_job("free", method="weight-l2", **weighing(0.0))
    assert equal(stepped(plain), stepped(free))


def test_a_heavy_weight_keeps_near_to_the_original_model(make_job: Make) -> None:
    free, bound = (
        stepped(make_job(f"w{weight:g}", method="weight-l2", stage2_steps=20, **weighing(weight)))
        for weight in (0.0, 100.0)
    )
    assert squared_change(bound.base.network) < 0.5 * squared_change(free.base.network)


def test_it_starts_as_lora_does(make_job: Make) -> None:
    first = [adapter_of(stepped(make_job(m, method=m, stage1_steps=1, stage2_steps=0))) for m in ("lora", "weight-l2")]
    assert all(torch.equal(first[0][name], first[1][name]) for name in first[0]), "up = 0 has no change to pay for"
