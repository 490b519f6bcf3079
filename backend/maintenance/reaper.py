"""The reaper: takes back jobs whose worker is gone, and ends jobs that run or wait too long."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.db import Database, now
from backend.jobs import transitions
from backend.jobs.transitions import Lease
from backend.logs import log_context
from backend.tables import Job

log = logging.getLogger(__name__)

_Expired = tuple[str, int, float]
"""Job, token, and when its lease ended."""


class Reaper:
    """Makes the transitions that no worker makes any more.

    By the database's clock alone, every lease would be over when a laptop wakes up, or when its clock is set: the
    workers are alive and about to prolong them. So a lease is over only after this reaper has seen it unchanged for a
    while of its own running time, which stands still while the machine sleeps.

    Args:
        db: the records.
        patience_s: how long a worker gets to prolong a lease that seems over; longer than its heartbeats are apart.
        max_run_s: longest run of one attempt.
        max_wait_s: longest wait of a queued job.
    """

    def __init__(self, db: Database, *, patience_s: float, max_run_s: float, max_wait_s: float) -> None:
        self._db = db
        self._patience_s = patience_s
        self._max_run_s = max_run_s
        self._max_wait_s = max_wait_s
        self._first_seen_s: dict[_Expired, float] = {}

    def turn(self) -> int:
        """Do everything that is due; return how many jobs changed their state by it."""
        due = (*self._lost(), *self._overdue(), *self._waiting())
        moved = 0
        for transition in due:
            with self._db.write() as session:
                moved += transition(session)
        return moved

    def _lost(self) -> list[Callable[[Session], bool]]:
        """Jobs whose lease is over and stayed so."""
        seen = Job.state.in_(("running", "canceling")), Job.lease_until < now()
        with self._db.read() as session:
            expired = session.execute(select(Job.id, Job.token, Job.lease_until).where(*seen)).all()
        now_s = time.monotonic()
        keys = [(job_id, token, float(until or 0.0)) for job_id, token, until in expired]
        self._first_seen_s = {key: self._first_seen_s.get(key, now_s) for key in keys}
        over = [key for key, seen_s in self._first_seen_s.items() if now_s - seen_s >= self._patience_s]
        return [_bind(transitions.reap_lost, Lease(job_id, token)) for job_id, token, _ in over]

    def _overdue(self) -> list[Callable[[Session], bool]]:
        """Jobs that run for too long."""
        overdue = Job.state == "running", Job.claimed_at + self._max_run_s < now()
        with self._db.read() as session:
            found = session.execute(select(Job.id, Job.token).where(*overdue)).all()
        limit = self._max_run_s
        return [_bind(transitions.reap_overdue, Lease(job_id, token), max_run_s=limit) for job_id, token in found]

    def _waiting(self) -> list[Callable[[Session], bool]]:
        """Jobs that wait for too long."""
        waiting = Job.state == "queued", Job.queued_at + self._max_wait_s < now()
        with self._db.read() as session:
            found = session.scalars(select(Job.id).where(*waiting)).all()
        return [_bind(transitions.reap_waiting, job_id, max_wait_s=self._max_wait_s) for job_id in found]


def _bind(transition: Callable[..., bool], subject: Lease | str, **limits: float) -> Callable[[Session], bool]:
    """Prepare a transition that only lacks its transaction."""

    def make(session: Session) -> bool:
        moved = transition(session, subject, **limits)
        if moved:
            with log_context(job_id=subject.job_id if isinstance(subject, Lease) else subject):
                log.warning("%s: the job's worker or its time is over", transition.__name__)
        return moved

    return make
