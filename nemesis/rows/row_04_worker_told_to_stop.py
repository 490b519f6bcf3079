"""A worker is told to stop: its training writes a checkpoint and is given back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nemesis.jobs import checkpoint_steps, order_training, succeeds, wait_for_phase, went_through
from nemesis.row import Round, Row
from nemesis.violation import Violation, unless

_PREEMPTED: Final = ["queued", "running", "queued", "running", "succeeded"]
_IN_TIME: Final = ["queued", "running", "succeeded"]
"""The training was at its end already."""


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    job_id = order_training(studio)
    wait_for_phase(studio, job_id, "stage1")
    studio.terminate("train")
    studio.start("train")
    yield from succeeds(studio, job_id, attempts=1)
    way = went_through(studio, job_id)
    yield from unless(way in (_PREEMPTED, _IN_TIME), f"{job_id} went through {way}")
    steps = checkpoint_steps(studio, job_id)
    yield from unless(steps == sorted(set(steps)), f"{job_id} made checkpoints of the steps {steps}")


WORKER_TOLD_TO_STOP: Final = Row(
    number=4,
    fault="SIGTERM to a worker in the middle of a training",
    promise="the training is given back with a checkpoint, no step is done twice, no attempt is counted",
    rounds=50,
    strike=_strike,
    workers=("train",),
)
