"""Transitions that a worker makes under its lease, from the first heartbeat to the attempt's end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import literal, select, update
from sqlalchemy.orm import Session

from backend.db import now
from backend.jobs.faults import ATTEMPTS_USED_UP, MAX_LOSSES, Fault
from backend.jobs.transitions.guarded import ENDED, Lease, add_event, change_state, fail_if, held, requeue
from backend.tables import Job


def heartbeat(
    session: Session, lease: Lease, *, lease_s: float, progress: Mapping[str, Any] | None = None
) -> str | None:
    """Prolong the lease and, on the way, record progress.

    Args:
        session: a writing transaction.
        lease: the attempt's lease.
        lease_s: how long the lease lasts from now on.
        progress: phase, step, total, eta_s and losses, when the trainer told something new.

    Returns:
        The job's state, `running` or `canceling`; None when the lease is lost and the trainer must be killed.
    """
    values: dict[str, Any] = {"lease_until": now() + lease_s, **(progress or {})}
    state = session.scalar(
        update(Job)
        .where(*held(lease), Job.state.in_(("running", "canceling")))
        .values(values)
        .returning(Job.state)
        .execution_options(synchronize_session=False)
    )
    if state is not None and progress is not None:
        add_event(session, lease.job_id, "progress", progress)
    return state


def record_checkpoint(session: Session, lease: Lease, step: int) -> None:
    """Record that a checkpoint is complete: what was lost before it is made up for and counts no longer."""
    session.execute(update(Job).where(*held(lease)).values(lost_count=0).execution_options(synchronize_session=False))
    add_event(session, lease.job_id, "checkpoint", {"step": step})


def has_succeeded(session: Session, lease: Lease) -> bool:
    """Tell whether this very attempt has ended the job well: the answer to its commit may have been lost."""
    return session.scalar(select(Job.id).where(*held(lease), Job.state == "succeeded")) is not None


def succeed(session: Session, lease: Lease) -> bool:
    """End a running job well; the caller adds the result's row in the same transaction.

    False: the lease is lost or the job is being canceled, and nothing may be published.
    """
    moved = change_state(
        session,
        lease.job_id,
        "succeeded",
        by="worker",
        guard=(*held(lease), Job.state == "running"),
        values={**ENDED, "phase": None, "eta_s": None},
    )
    return moved


def release(session: Session, lease: Lease) -> bool:
    """Give a running job back, preempted; the attempt is not counted and another worker may start at once."""
    return requeue(
        session,
        lease,
        by="worker",
        reason="preempted",
        values={"attempt": Job.attempt - 1, "not_before": now()},
        guard=(Job.state == "running",),
    )


def give_up_attempt(session: Session, lease: Lease, *, retry_delay_s: float, reason: str, fault: Fault) -> bool:
    """After a crash: queue the job again for later, or fail it when it was lost too often.

    Args:
        session: a writing transaction.
        lease: the attempt's lease.
        retry_delay_s: how long the job waits after its first loss.
        reason: a name for the job's events.
        fault: why the job fails, if this was one loss too many.
    """
    if fail_if(session, lease, Job.lost_count + 1 >= MAX_LOSSES, fault, by="worker"):
        return True
    if fail_if(session, lease, Job.attempt >= Job.max_attempts, ATTEMPTS_USED_UP, by="worker"):
        return True
    # With at most three losses, doubling the delay is the same as counting up.
    delay = retry_delay_s * (1 + Job.lost_count)
    return requeue(
        session,
        lease,
        by="worker",
        reason=reason,
        values={"lost_count": Job.lost_count + 1, "not_before": now() + delay},
        guard=(Job.state == "running",),
    )


def fail(session: Session, lease: Lease, fault: Fault) -> bool:
    """End a running job for a reason that trying again would not change."""
    return fail_if(session, lease, literal(True), fault, by="worker")


def finish_cancel(session: Session, lease: Lease) -> bool:
    """Cancel a job that was asked to stop: its trainer is gone."""
    return change_state(
        session,
        lease.job_id,
        "canceled",
        by="worker",
        guard=(*held(lease), Job.state == "canceling"),
        values={**ENDED, "phase": None, "eta_s": None},
    )
