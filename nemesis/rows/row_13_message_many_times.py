"""One job's message comes many times: before the job is taken, while it runs, and after its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nemesis.jobs import order_pair, succeeds, went_through
from nemesis.row import Round, Row
from nemesis.violation import Violation, unless

_MESSAGES: Final = 100
_ONCE: Final = ["queued", "running", "succeeded"]


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    # Two jobs and two workers, so that a message of a running job reaches a worker that is free.
    jobs = [order_pair(studio, this.number), order_pair(studio, this.number + 1)]
    for _ in range(_MESSAGES // 2):
        for job_id in jobs:
            studio.notifier.notify("draw", job_id)
    for job_id in jobs:
        yield from succeeds(studio, job_id, attempts=1)
        studio.notifier.notify("draw", job_id)
    for job_id in jobs:
        way = went_through(studio, job_id)
        yield from unless(way == _ONCE, f"{job_id} went through {way}")


MESSAGE_MANY_TIMES: Final = Row(
    number=13,
    fault=f"{_MESSAGES} messages too many for two jobs that wait, run and have ended, to two workers",
    promise="each job is claimed once",
    rounds=50,
    strike=_strike,
    workers=("draw", "draw-2"),
    settings={"SPF_LEASE_S": "60"},
)
