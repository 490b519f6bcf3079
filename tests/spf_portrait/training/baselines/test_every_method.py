"""Whatever the method: it trains to an adapter file, goes on where it stopped, and keeps to the budget of a step."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch

from spf_portrait.adapter import load_adapter
from spf_portrait.contract.artifacts import ADAPTER
from spf_portrait.contract.methods import Method
from spf_portrait.models.base_model import load_base
from spf_portrait.training.baselines.catalogue import STAGES
from spf_portrait.training.loop import Preempted
from spf_portrait.training.preparation import TrainingJob
from spf_portrait.training.train import train
from tests.spf_portrait.stepping import adapter_of, after, equal, stepped

Make = Callable[..., TrainingJob]
COMPARED = [method for method in get_args(Method) if method not in ("spf", "spf-paper")]


def silent(event: Any) -> None:
    """Nobody listens."""


def test_every_method_but_spf_has_its_stages() -> None:
    assert STAGES.keys() == set(COMPARED)


@pytest.mark.parametrize("method", get_args(Method))
def test_it_trains_to_an_adapter_that_loads(make_job: Make, method: str) -> None:
    job = make_job(method=method, validate_every=5)
    train(job, silent)
    base = load_base("tiny", job.models_dir)
    assert load_adapter(base.network, job.out / ADAPTER)["spf.method"] == method


@pytest.mark.parametrize("method", COMPARED)
@pytest.mark.parametrize("stop_after", [2, 3])
def test_a_resumed_training_equals_an_unbroken_one(make_job: Make, method: str, stop_after: int) -> None:
    unbroken = stepped(make_job("unbroken", method=method))
    with pytest.raises(Preempted):
        stepped(make_job("broken", method=method), should_stop=after(stop_after))
    resumed = stepped(make_job("resumed", resume=True, checkpoints="broken-checkpoints", method=method))
    assert equal(resumed, unbroken)
    assert resumed.state.log == unbroken.state.log


@pytest.mark.parametrize("method", COMPARED)
def test_small_batches_one_after_the_other_are_the_big_one(make_job: Make, method: str) -> None:
    whole = stepped(make_job("whole", method=method, batch_size=2))
    split = stepped(make_job("split", method=method, batch_size=1, accumulation=2))
    for name, tensor in adapter_of(whole).items():
        torch.testing.assert_close(adapter_of(split)[name], tensor, rtol=1e-3, atol=2e-4)
