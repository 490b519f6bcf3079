"""A cancel comes just when the job is about to succeed."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from typing import Final

from nemesis.jobs import order_pair, wait_for_end
from nemesis.row import Round, Row
from nemesis.studio import Studio
from nemesis.violation import Violation, unless
from nemesis.waiting import wait_for

_CANCELS: Final = 4


def _strike(this: Round) -> Iterator[Violation]:
    studio = this.studio
    job_id = order_pair(studio, this.number)
    # The engine writes its record last of all; the worker reads it, stores the files and makes the last transition.
    wait_for(lambda: _is_drawn(studio, job_id), f"{job_id} to be drawn")
    cancels = [Thread(target=studio.client.cancel, args=(job_id,)) for _ in range(_CANCELS)]
    for cancel in cancels:
        cancel.start()
    for cancel in cancels:
        cancel.join()
    job = wait_for_end(studio, job_id)
    studio.history.note("raced", job=job_id, status=job["status"])
    either = (job["status"], job["comparison_id"] is None) in {("succeeded", False), ("canceled", True)}
    yield from unless(either, f"{job_id} is {job['status']} with result {job['comparison_id']}", "published twice")


def _is_drawn(studio: Studio, job_id: str) -> bool:
    out = studio.data_dir / "jobs" / job_id
    return any(out.glob("*/out/sample.json")) or studio.client.job(job_id)["finished_at"] is not None


CANCEL_RACES_SUCCESS: Final = Row(
    number=28,
    fault=f"{_CANCELS} cancels at once when the pictures of a pair are drawn, and not yet published",
    promise="canceled without a result or succeeded with one, never both",
    rounds=500,
    strike=_strike,
    workers=("draw",),
    settings={"SPF_LEASE_S": "60"},
)
