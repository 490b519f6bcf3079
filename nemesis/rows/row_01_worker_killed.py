"""A worker dies in the middle of a training, and another one goes on from the last checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from nemesis.jobs import checkpoint_steps, order_training, succeeds, wait_for_phase
from nemesis.row import Round, Row
from nemesis.violation import Violation, unless

_PHASES: Final = ("stage1", "loading", "exporting")
"""What the killed attempt was at, taken in turn."""


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    job_id = order_training(studio)
    phase = wait_for_phase(studio, job_id, _PHASES[this.number % len(_PHASES)])["phase"]
    studio.history.note("struck in", phase=phase)
    studio.kill("train")
    studio.start("train")
    yield from succeeds(studio, job_id)
    steps = checkpoint_steps(studio, job_id)
    goes_on = all(before < after for before, after in pairwise(steps))
    yield from unless(goes_on, f"{job_id} made checkpoints of the steps {steps}")


WORKER_KILLED: Final = Row(
    number=1,
    fault="SIGKILL to a worker while its training loads, trains or exports",
    promise="the job goes on from its last checkpoint and publishes one adapter",
    rounds=100,
    strike=_strike,
    workers=("train",),
)
