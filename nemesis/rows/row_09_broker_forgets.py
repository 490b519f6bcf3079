"""The broker loses every message while jobs wait."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import func, select

from backend.tables import Outbox
from nemesis.jobs import order_pair, succeeds
from nemesis.row import Round, Row
from nemesis.studio import Studio
from nemesis.violation import Violation
from nemesis.waiting import wait_for

_WAITING: Final = 10


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    # The worker sleeps meanwhile, so that the jobs wait and its warm engine stays.
    studio.process("draw").suspend()
    jobs = [order_pair(studio, seed) for seed in range(_WAITING)]
    wait_for(lambda: _sent(studio) == len(jobs), "all messages to be sent")
    studio.wipe_broker()
    studio.process("draw").resume()
    for job_id in jobs:
        yield from succeeds(studio, job_id, attempts=1)


def _sent(studio: Studio) -> int:
    """Count the waiting jobs whose message was sent."""
    with studio.db.read() as session:
        return session.scalar(select(func.count()).select_from(Outbox).where(Outbox.tries > 0)) or 0


BROKER_FORGETS: Final = Row(
    number=9,
    fault=f"SIGKILL to the broker with {_WAITING} jobs waiting; its file is deleted",
    promise="every job still runs",
    rounds=20,
    strike=_strike,
    workers=("draw",),
    settings={"SPF_LEASE_S": "60"},
)
