"""Trainings without the export at their end: what the steps leave."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from spf_portrait.training.course import Course
from spf_portrait.training.loop import run_stages
from spf_portrait.training.preparation import PreparedTraining, TrainingJob, prepare
from spf_portrait.training.training_state import state_tensors


def stepped(
    job: TrainingJob,
    report: Callable[[Any], None] = lambda event: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> PreparedTraining:
    """Take all steps."""
    with ExitStack() as stack:
        run = prepare(job, report, stack)
        run_stages(run, report, should_stop)
    return run


def course_of(run: PreparedTraining) -> Course:
    """Of a training that has steps left."""
    assert run.course is not None
    return run.course


def after(steps: int) -> Callable[[], bool]:
    """Ask to stop after so many steps."""
    asked = iter(range(1, 10_000))
    return lambda: next(asked) >= steps


def equal(first: PreparedTraining, second: PreparedTraining) -> bool:
    """Bit for bit: adapter, optimizer, random source, order and scale."""
    mine, theirs = state_tensors(first.state), state_tensors(second.state)
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def adapter_of(run: PreparedTraining) -> dict[str, Tensor]:
    """The weights that train."""
    return {name: tensor for name, tensor in state_tensors(run.state).items() if name.startswith("adapter.")}
