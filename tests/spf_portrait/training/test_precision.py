"""In bf16, what does not train is kept in half precision, and what trains is not."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest
import torch

from spf_portrait.adapter import adapter_parameters
from spf_portrait.training.preparation import PreparedTraining, TrainingJob, prepare
from tests.spf_portrait.stepping import course_of, equal, stepped

Make = Callable[..., TrainingJob]


def prepared(job: TrainingJob) -> PreparedTraining:
    with ExitStack() as stack:
        return prepare(job, lambda event: None, stack)


@pytest.mark.parametrize("adapter", ["lora", "cross_attention", "whole_network"])
@pytest.mark.parametrize(("precision", "frozen"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_frozen_weights_are_kept_in_the_precision_and_trained_ones_in_fp32(
    make_job: Make, adapter: str, precision: str, frozen: torch.dtype
) -> None:
    run = prepared(make_job(adapter=adapter, precision=precision))
    base, trained = run.base, adapter_parameters(run.base.network)
    assert {parameter.dtype for parameter in trained} == {torch.float32}
    known = {id(parameter) for parameter in trained}
    parts = (base.network, base.vae, *(encoder.model for encoder in base.parts.text_encoders))
    others = [weight for part in parts for weight in part.parameters() if id(weight) not in known]
    assert {weight.dtype for weight in others} == {frozen}
    assert not any(weight.requires_grad for weight in others)
    rows = course_of(run).rows
    assert rows.base_text.states.dtype == frozen
    assert rows.x_0.dtype == torch.float32


@pytest.mark.parametrize("adapter", ["cross_attention", "whole_network"])
def test_whole_weights_train_beside_frozen_ones_in_half_precision(make_job: Make, adapter: str) -> None:
    """Steps are smaller than half precision could add to a weight; two trainings of them are equal."""
    short = {"adapter": adapter, "precision": "bf16", "stage1_steps": 1, "stage2_steps": 1, "learning_rate": 1e-4}
    run, again = stepped(make_job("one", **short)), stepped(make_job("two", **short))
    assert equal(run, again)
    assert all(parameter.dtype == torch.float32 for parameter in run.state.parameters)
    largest = max(float(parameter.detach().abs().max()) for parameter in run.state.parameters)
    assert 0 < largest < 1e-3
