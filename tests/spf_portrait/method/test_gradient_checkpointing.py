"""Layers that run again in the backward pass give the gradients of layers that were kept, whatever ran in between."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import adapter_parameters
from spf_portrait.method.losses import weighted_total
from spf_portrait.training.preparation import TrainingJob, prepare
from spf_portrait.training.stages import Draw
from tests.spf_portrait.stepping import course_of
from tests.spf_portrait.tiny_adapters import scramble

DRAW = Draw(
    torch.arange(4),
    torch.tensor([100, 120, 400, 900]),
    torch.randn(4, 8, 8, 8, generator=torch.Generator().manual_seed(0)),
    step=0,
)


def step_of(job: TrainingJob) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Raw losses of a step of stage 2, and the gradient of every parameter that trains."""
    with ExitStack() as stack:
        run = prepare(job, lambda event: None, stack)
        scramble(run.base.network)
        raw = course_of(run).stages[1].losses(DRAW)
        parameters = adapter_parameters(run.base.network)
        return raw, list(torch.autograd.grad(weighted_total(raw, course_of(run).stages[1].weights), parameters))


@pytest.mark.parametrize("at_once", [2, 4])
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"method": "spf-paper"}, id="paper"),
        pytest.param({"states": "grown", "enhancement_min_snr_db": -60.0, "w_enhancement": 0.1}, id="grown"),
        pytest.param({"w_base_anchor": 1.0, "enhancement_min_snr_db": -60.0, "w_enhancement": 0.1}, id="base-anchor"),
    ],
)
def test_a_step_is_the_same_with_and_without(
    make_job: Callable[..., TrainingJob], options: dict[str, Any], at_once: int
) -> None:
    """Each of these sends something else through the network between the response's forward and its backward pass."""
    kept = step_of(make_job("kept", batch_size=4, **options))
    again = step_of(make_job("again", batch_size=at_once, gradient_checkpointing=True, **options))
    assert kept[0].keys() == again[0].keys()
    for name, value in kept[0].items():
        torch.testing.assert_close(again[0][name], value, msg=name)
    assert any(bool(gradient.any()) for gradient in kept[1])
    for mine, theirs in zip(again[1], kept[1], strict=True):
        assert (mine - theirs).norm() <= 1e-4 * theirs.norm()
