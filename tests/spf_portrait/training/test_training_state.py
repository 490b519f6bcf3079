import torch
from torch import nn

from spf_portrait.method.map_memory import MapMemory
from spf_portrait.training.training_state import (
    TrainingState,
    new_state,
    next_rows,
    restore,
    state_facts,
    state_tensors,
)


def state(seed: int = 0) -> TrainingState:
    torch.manual_seed(0)
    return new_state([nn.Parameter(torch.randn(3))], 5, 0.01, seed, MapMemory.of(5, 2, torch.device("cpu")))


def step(training: TrainingState) -> None:
    noise = torch.randn(3, generator=training.generator)
    (training.parameters[0] * noise).sum().backward()
    training.optimizer.step()
    training.optimizer.zero_grad()
    next_rows(training, 2)
    training.step += 1


def test_every_portrait_is_used_once_before_any_is_used_again() -> None:
    training = state()
    drawn = torch.cat([next_rows(training, 2) for _ in range(5)])
    for used in (drawn[:5], drawn[5:]):
        assert torch.equal(used.sort().values, torch.arange(5))


def test_a_batch_may_be_larger_than_the_set() -> None:
    assert len(next_rows(state(), 12)) == 12


def test_restored_state_goes_on_bit_for_bit() -> None:
    unbroken, resumed = state(), state(seed=9)
    for _ in range(3):
        step(unbroken)
    unbroken.memory.scale[2] = 0.5
    unbroken.memory.average(torch.tensor([3]), torch.ones(1, 2, 2), torch.tensor([True]), 10)
    restore(resumed, unbroken.step, state_tensors(unbroken), state_facts(unbroken))
    assert resumed.step == 3
    for _ in range(3):
        step(unbroken)
        step(resumed)
    mine, theirs = state_tensors(resumed), state_tensors(unbroken)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert state_facts(resumed) == state_facts(unbroken)


def test_the_learning_rate_arrives_and_nothing_else_takes_its_value() -> None:
    group = new_state([nn.Parameter(torch.ones(1))], 1, 0.0123, 0, MapMemory()).optimizer.param_groups[0]
    assert group["lr"] == 0.0123
    assert group["weight_decay"] == 0
    assert group["betas"] == (0.9, 0.999)
