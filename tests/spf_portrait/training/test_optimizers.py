import pytest
import torch

from spf_portrait.contract.training_spec import TrainingSpec
from spf_portrait.training.optimizers import learning_rate_at, set_learning_rate


def test_it_stays_in_stage_1_and_falls_evenly_in_stage_2() -> None:
    spec = TrainingSpec(learning_rate=0.1, learning_rate_end=0.5, stage1_steps=2, stage2_steps=4)
    rates = [learning_rate_at(step, spec) for step in range(6)]
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.0875, 0.075, 0.0625])


def test_an_end_of_one_keeps_it_and_no_stage_2_is_no_division_by_zero() -> None:
    kept = TrainingSpec(learning_rate=0.1, learning_rate_end=1)
    assert {learning_rate_at(step, kept) for step in range(0, 400, 50)} == {0.1}
    assert learning_rate_at(5, TrainingSpec(learning_rate=0.1, stage1_steps=9, stage2_steps=0)) == 0.1


def test_it_rises_evenly_at_the_very_beginning() -> None:
    spec = TrainingSpec(learning_rate=0.1, learning_rate_end=0.5, warmup_steps=4, stage1_steps=2, stage2_steps=4)
    rates = [learning_rate_at(step, spec) for step in range(6)]
    assert rates == pytest.approx([0.025, 0.05, 0.075, 0.0875, 0.075, 0.0625])
    assert [learning_rate_at(0, TrainingSpec(learning_rate=0.1, warmup_steps=steps)) for steps in (0, 1)] == [0.1, 0.1]


def test_it_reaches_the_optimizer() -> None:
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    set_learning_rate(optimizer, 0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25]
