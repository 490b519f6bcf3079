"""The broker dies while a training runs, and comes back with what it had on the disk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nemesis.jobs import order_training, succeeds, wait_for_phase
from nemesis.row import Round, Row
from nemesis.violation import Violation


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    job_id = order_training(studio)
    wait_for_phase(studio, job_id, "loading", "stage1")
    studio.kill("broker")
    studio.start("broker")
    waiting = order_training(studio)
    yield from succeeds(studio, job_id, attempts=1)
    yield from succeeds(studio, waiting, attempts=1)


BROKER_KILLED: Final = Row(
    number=8,
    fault="SIGKILL to the broker while a training runs; it comes back with its file",
    promise="the training is not started again, and the worker takes the next order",
    rounds=20,
    strike=_strike,
    workers=("train",),
    # A worker that starves on a busy machine must not count as one that noticed the broker.
    settings={"SPF_LEASE_S": "60"},
)
