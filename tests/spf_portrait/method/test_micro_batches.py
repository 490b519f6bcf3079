"""A step in small batches is the step of the big one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch import Tensor

from spf_portrait.adapter import adapter_parameters
from spf_portrait.method.losses import weighted_total
from spf_portrait.method.micro_batches import in_batches
from spf_portrait.training.preparation import PreparedTraining, TrainingJob, prepare
from spf_portrait.training.stages import Draw
from tests.spf_portrait.stepping import adapter_of, course_of, stepped
from tests.spf_portrait.tiny_adapters import scramble

Make = Callable[..., TrainingJob]
ROWS, T = torch.arange(4), torch.tensor([100, 120, 400, 900])
NOISE = torch.randn(4, 8, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def prepared(make_job: Make) -> Iterator[Callable[..., PreparedTraining]]:
    """Trainings whose adapter changes something."""
    with ExitStack() as stack:

        def make(**options: Any) -> PreparedTraining:
            run = prepare(make_job(enhancement_min_snr_db=-60.0, **options), lambda event: None, stack)
            scramble(run.base.network)
            return run

        yield make


def losses_and_gradients(run: PreparedTraining, stage: int) -> tuple[dict[str, Tensor], list[Tensor]]:
    raw = course_of(run).stages[stage].losses(Draw(ROWS, T, NOISE, 0))
    weighted_total(raw, course_of(run).stages[stage].weights).backward()
    gradients = [parameter.grad for parameter in adapter_parameters(run.base.network)]
    return raw, [gradient.clone() for gradient in gradients if gradient is not None]


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("stage", [0, 1])
@pytest.mark.parametrize("at_once", [1, 3])
def test_losses_gradients_and_scale_are_those_of_the_big_batch(
    prepared: Callable[..., PreparedTraining], at_once: int, stage: int, checkpointing: bool
) -> None:
    """Two rows share a bucket of the schedule, and captions differ in length: neither splits into batches by itself."""
    whole = prepared(batch_size=4)
    parts = prepared(batch_size=at_once, gradient_checkpointing=checkpointing)
    expected, found = losses_and_gradients(whole, stage), losses_and_gradients(parts, stage)
    assert expected[0].keys() == found[0].keys()
    for name, value in expected[0].items():
        torch.testing.assert_close(found[0][name], value, msg=name)
    assert len(expected[1]) == len(found[1]) > 0
    for mine, theirs in zip(found[1], expected[1], strict=True):
        assert (mine - theirs).norm() <= 1e-4 * theirs.norm()
    torch.testing.assert_close(parts.state.memory.scale, whole.state.memory.scale)


def test_the_network_never_sees_more_than_a_batch(prepared: Callable[..., PreparedTraining]) -> None:
    run = prepared(batch_size=2)
    seen: list[int] = []

    def note(module: Any, arguments: tuple[Tensor, ...]) -> None:
        seen.append(len(arguments[0]))

    run.base.network.register_forward_pre_hook(note)
    losses_and_gradients(run, 1)
    assert seen == [2] * 6, "two batches of the reference, two of the response, and these again for the gradients"


def test_a_whole_training_in_small_batches_takes_the_same_way(make_job: Make) -> None:
    whole = stepped(make_job("whole", batch_size=4))
    parts = stepped(make_job("parts", batch_size=2, accumulation=2))
    assert torch.equal(whole.state.generator.get_state(), parts.state.generator.get_state())
    assert whole.state.cursor == parts.state.cursor
    for mine, theirs in zip(parts.state.log, whole.state.log, strict=True):
        assert mine.pop("stage") == theirs.pop("stage")
        assert mine == pytest.approx(theirs, rel=1e-3, abs=1e-6)
    expected = adapter_of(whole)
    for name, mine in adapter_of(parts).items():
        torch.testing.assert_close(mine, expected[name], rtol=1e-2, atol=1e-4)


def test_one_batch_is_worked_on_directly() -> None:
    calls: list[Tensor] = []

    def work(rows: Tensor) -> Tensor:
        calls.append(rows)
        return rows * 2.0

    assert in_batches(work, 3, 3, torch.cat).tolist() == [0, 2, 4]
    assert in_batches(work, 5, 2, torch.cat).tolist() == [0, 2, 4, 6, 8]
    assert [len(rows) for rows in calls] == [3, 2, 2, 1]
