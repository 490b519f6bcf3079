"""The API dies after it has answered an order, and before anybody could send the job's message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nemesis.jobs import order_pair, succeeds
from nemesis.row import Round, Row
from nemesis.violation import Violation


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    studio.kill("broker")
    job_id = order_pair(studio, this.number)
    studio.kill("api")
    studio.start("broker", "api")
    yield from succeeds(studio, job_id, attempts=1)


API_KILLED_BEFORE_SENDING: Final = Row(
    number=11,
    fault="an order while the broker is away, and SIGKILL to the API once it has answered",
    promise="the order is accepted, and runs when the broker is back",
    rounds=50,
    strike=_strike,
    workers=("draw",),
    settings={"SPF_LEASE_S": "60"},
)
