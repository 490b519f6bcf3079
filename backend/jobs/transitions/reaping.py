"""Transitions that the reaper makes for jobs that nobody else ends."""

from __future__ import annotations

from sqlalchemy.orm import Session

from backend.db import now
from backend.jobs.faults import ATTEMPTS_USED_UP, MAX_LOSSES, RUN_TOO_LONG, WAITED_TOO_LONG, WORKER_LOST
from backend.jobs.transitions.guarded import ENDED, Lease, blame, change_state, drop_from_outbox, fail_if, held, requeue
from backend.tables import Job


def reap_lost(session: Session, lease: Lease) -> bool:
    """By the reaper, for a job whose lease is over: finish its cancel, fail it, or queue it again."""
    over = Job.lease_until < now()
    ended = change_state(
        session,
        lease.job_id,
        "canceled",
        by="reaper",
        guard=(*held(lease), Job.state == "canceling", over),
        values={**ENDED, "token": Job.token + 1, "phase": None, "eta_s": None},
    )
    return (
        ended
        or fail_if(session, lease, (Job.lost_count + 1 >= MAX_LOSSES) & over, WORKER_LOST, by="reaper")
        or fail_if(session, lease, (Job.attempt >= Job.max_attempts) & over, ATTEMPTS_USED_UP, by="reaper")
        or requeue(
            session,
            lease,
            by="reaper",
            reason="worker_lost",
            values={"lost_count": Job.lost_count + 1, "not_before": now()},
            guard=(Job.state == "running", over),
        )
    )


def reap_overdue(session: Session, lease: Lease, *, max_run_s: float) -> bool:
    """By the reaper: fail a job whose attempt runs too long; its worker notices at the next heartbeat."""
    return fail_if(session, lease, Job.claimed_at + max_run_s < now(), RUN_TOO_LONG, by="reaper")


def reap_waiting(session: Session, job_id: str, *, max_wait_s: float) -> bool:
    """By the reaper: fail a job that waited too long in the queue."""
    failed = change_state(
        session,
        job_id,
        "failed",
        by="reaper",
        guard=(Job.state == "queued", Job.queued_at + max_wait_s < now()),
        values={**ENDED, **blame(WAITED_TOO_LONG)},
    )
    if failed:
        drop_from_outbox(session, job_id)
    return failed
