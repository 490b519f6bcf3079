"""The guarded transitions of a job; everything that changes `jobs.state` is in this file.

Each transition is one UPDATE whose WHERE clause states what must still be true; when no row matches, somebody else was
faster and nothing is written. Times come from the database's clock. All functions work inside the caller's writing
transaction, so that what belongs together is committed together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, literal, select, update
from sqlalchemy.orm import Session

from backend.db import now
from backend.jobs.faults import (
    ATTEMPTS_USED_UP,
    MAX_LOSSES,
    RUN_TOO_LONG,
    WAITED_TOO_LONG,
    WORKER_LOST,
    Fault,
)
from backend.tables import FINAL_STATES, Job, JobEvent, Outbox


@dataclass(frozen=True)
class Lease:
    """The right to write results of one attempt, as long as the token is the job's current one."""

    job_id: str
    token: int


@dataclass(frozen=True)
class Claim:
    """A freshly claimed job: the lease and what is to be done."""

    lease: Lease
    kind: str
    attempt: int
    parent_id: str | None
    dataset_version_id: str | None
    source_adapter_id: str | None
    spec: dict[str, Any]


def enqueue(session: Session, job: Job) -> None:
    """Add a new job and its outbox row."""
    session.add(job)
    session.flush()
    session.execute(insert(Outbox).values(job_id=job.id))
    add_event(session, job.id, "state", {"to": "queued", "by": "api"})


def claim(session: Session, job_id: str, *, owner: str, lease_s: float) -> Claim | None:
    """Take a queued job. None: it is not there to be taken, so the message is to be dropped."""
    values = {
        "state": "running",
        "token": Job.token + 1,
        "attempt": Job.attempt + 1,
        "owner": owner,
        "lease_until": now() + lease_s,
        "claimed_at": now(),
        "started_at": func.coalesce(Job.started_at, now()),
        "phase": "loading",
        "eta_s": None,
    }
    job = session.execute(
        update(Job)
        .where(Job.id == job_id, *_ready())
        .values(values)
        .returning(
            Job.token,
            Job.kind,
            Job.attempt,
            Job.parent_id,
            Job.dataset_version_id,
            Job.source_adapter_id,
            Job.spec,
        )
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if job is None:
        return None
    _drop_from_outbox(session, job_id)
    add_event(session, job_id, "state", {"to": "running", "by": "worker", "attempt": job.attempt})
    return Claim(
        Lease(job_id, job.token),
        job.kind,
        job.attempt,
        job.parent_id,
        job.dataset_version_id,
        job.source_adapter_id,
        job.spec,
    )


def claim_first(session: Session, job_id: str, *, owner: str, lease_s: float) -> Claim | None:
    """Take the oldest job that is ready, of the kind that a message's job is of.

    Messages come in the order in which they were sent, so that of a job that was interrupted comes last; its turn does
    not. The message's own job, if it is left behind, gets another message.
    """
    kind = select(Job.kind).where(Job.id == job_id).scalar_subquery()
    line = select(Job.id).where(Job.kind == kind, *_ready()).order_by(*line_of_jobs()).limit(1)
    taken: Claim | None = None
    # Where writers do not wait for each other, another worker may take the first one in between.
    while taken is None and (first := session.scalar(line)) is not None:
        taken = claim(session, first, owner=owner, lease_s=lease_s)
    if taken is not None and taken.lease.job_id != job_id:
        _send_again(session, job_id)
    return taken


def line_of_jobs() -> tuple[ColumnElement[Any], ...]:
    """The order in which queued jobs take their turn; one that is interrupted keeps its place."""
    return Job.created_at.expression, Job.id.expression


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
        .where(*_held(lease), Job.state.in_(("running", "canceling")))
        .values(values)
        .returning(Job.state)
        .execution_options(synchronize_session=False)
    )
    if state is not None and progress is not None:
        add_event(session, lease.job_id, "progress", progress)
    return state


def record_checkpoint(session: Session, lease: Lease, step: int) -> None:
    """Record that a checkpoint is complete: what was lost before it is made up for and counts no longer."""
    session.execute(update(Job).where(*_held(lease)).values(lost_count=0).execution_options(synchronize_session=False))
    add_event(session, lease.job_id, "checkpoint", {"step": step})


def has_succeeded(session: Session, lease: Lease) -> bool:
    """Tell whether this very attempt has ended the job well: the answer to its commit may have been lost."""
    return session.scalar(select(Job.id).where(*_held(lease), Job.state == "succeeded")) is not None


def succeed(session: Session, lease: Lease) -> bool:
    """End a running job well; the caller adds the result's row in the same transaction.

    False: the lease is lost or the job is being canceled, and nothing may be published.
    """
    moved = _transition(
        session,
        lease.job_id,
        "succeeded",
        by="worker",
        guard=(*_held(lease), Job.state == "running"),
        values={**_ENDED, "phase": None, "eta_s": None},
    )
    return moved


def release(session: Session, lease: Lease) -> bool:
    """Give a running job back, preempted; the attempt is not counted and another worker may start at once."""
    return _requeue(
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
    if _fail_if(session, lease, Job.lost_count + 1 >= MAX_LOSSES, fault, by="worker"):
        return True
    if _fail_if(session, lease, Job.attempt >= Job.max_attempts, ATTEMPTS_USED_UP, by="worker"):
        return True
    # With at most three losses, doubling the delay is the same as counting up.
    delay = retry_delay_s * (1 + Job.lost_count)
    return _requeue(
        session,
        lease,
        by="worker",
        reason=reason,
        values={"lost_count": Job.lost_count + 1, "not_before": now() + delay},
        guard=(Job.state == "running",),
    )


def fail(session: Session, lease: Lease, fault: Fault) -> bool:
    """End a running job for a reason that trying again would not change."""
    return _fail_if(session, lease, literal(True), fault, by="worker")


def lock(session: Session, job_id: str) -> None:
    """Keep a job as it is until the transaction ends, for what is decided by more than one guard.

    SQLite, where writers wait for each other anyway, ignores it.
    """
    session.execute(select(Job.id).where(Job.id == job_id).with_for_update(key_share=True))


def request_cancel(session: Session, job_id: str) -> bool:
    """Cancel a queued job at once, ask the worker of a running one to stop. False: nothing to cancel."""
    # Or else it might leave the one state before the first guard is tried, and come back before the second.
    lock(session, job_id)
    if _transition(
        session,
        job_id,
        "canceled",
        by="api",
        guard=(Job.state == "queued",),
        values={**_ENDED, "cancel_requested_at": now(), "phase": None},
    ):
        _drop_from_outbox(session, job_id)
        return True
    return _transition(
        session,
        job_id,
        "canceling",
        by="api",
        guard=(Job.state == "running",),
        values={"cancel_requested_at": now()},
    )


def finish_cancel(session: Session, lease: Lease) -> bool:
    """Cancel a job that was asked to stop: its trainer is gone."""
    return _transition(
        session,
        lease.job_id,
        "canceled",
        by="worker",
        guard=(*_held(lease), Job.state == "canceling"),
        values={**_ENDED, "phase": None, "eta_s": None},
    )


def reap_lost(session: Session, lease: Lease) -> bool:
    """By the reaper, for a job whose lease is over: finish its cancel, fail it, or queue it again."""
    over = Job.lease_until < now()
    ended = _transition(
        session,
        lease.job_id,
        "canceled",
        by="reaper",
        guard=(*_held(lease), Job.state == "canceling", over),
        values={**_ENDED, "token": Job.token + 1, "phase": None, "eta_s": None},
    )
    return (
        ended
        or _fail_if(session, lease, (Job.lost_count + 1 >= MAX_LOSSES) & over, WORKER_LOST, by="reaper")
        or _fail_if(session, lease, (Job.attempt >= Job.max_attempts) & over, ATTEMPTS_USED_UP, by="reaper")
        or _requeue(
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
    return _fail_if(session, lease, Job.claimed_at + max_run_s < now(), RUN_TOO_LONG, by="reaper")


def reap_waiting(session: Session, job_id: str, *, max_wait_s: float) -> bool:
    """By the reaper: fail a job that waited too long in the queue."""
    failed = _transition(
        session,
        job_id,
        "failed",
        by="reaper",
        guard=(Job.state == "queued", Job.queued_at + max_wait_s < now()),
        values={**_ENDED, **_blame(WAITED_TOO_LONG)},
    )
    if failed:
        _drop_from_outbox(session, job_id)
    return failed


def add_event(session: Session, job_id: str, kind: str, data: Mapping[str, Any]) -> None:
    """Append one event; the counter in the job's row keeps the numbers free of gaps and doubles."""
    seq = session.scalar(
        update(Job)
        .where(Job.id == job_id)
        .values(last_event_seq=Job.last_event_seq + 1)
        .returning(Job.last_event_seq)
        .execution_options(synchronize_session=False)
    )
    session.execute(insert(JobEvent).values(job_id=job_id, seq=seq, kind=kind, data=dict(data)))


_ENDED: dict[str, Any] = {"finished_at": now(), "lease_until": None, "owner": None}


def _ready() -> tuple[ColumnElement[bool], ...]:
    """The job may be claimed now."""
    return (
        Job.state == "queued",
        Job.cancel_requested_at.is_(None),
        Job.not_before <= now(),
        Job.attempt < Job.max_attempts,
    )


def _held(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    """The lease is still the current one."""
    return Job.id == lease.job_id, Job.token == lease.token


def _blame(fault: Fault) -> dict[str, Any]:
    """Columns that record a fault."""
    return {"error_code": fault.code, "error_message": fault.message, "error_hint": fault.hint}


def _transition(
    session: Session,
    job_id: str,
    to: str,
    *,
    by: str,
    guard: tuple[ColumnElement[bool], ...],
    values: Mapping[str, Any],
    note: Mapping[str, Any] | None = None,
) -> bool:
    """Change the state under a guard and record it. False: the guard did not hold and nothing was written."""
    moved = session.scalar(
        update(Job)
        .where(Job.id == job_id, Job.state.not_in(FINAL_STATES), *guard)
        .values({**values, "state": to})
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    if moved is None:
        return False
    add_event(session, job_id, "state", {"to": to, "by": by, **(note or {})})
    return True


def _requeue(
    session: Session,
    lease: Lease,
    *,
    by: str,
    reason: str,
    values: Mapping[str, Any],
    guard: tuple[ColumnElement[bool], ...],
) -> bool:
    """Put a job back into the queue with a new outbox row; the new token fences the old holder off."""
    freed = {
        "token": Job.token + 1,
        "owner": None,
        "lease_until": None,
        "queued_at": now(),
        "phase": None,
        "eta_s": None,
    }
    moved = _transition(
        session,
        lease.job_id,
        "queued",
        by=by,
        guard=(*_held(lease), *guard),
        values={**freed, **values},
        note={"reason": reason},
    )
    if moved:
        session.execute(insert(Outbox).values(job_id=lease.job_id))
    return moved


def _fail_if(session: Session, lease: Lease, when: ColumnElement[bool], fault: Fault, *, by: str) -> bool:
    """Fail a running job when the condition holds."""
    return _transition(
        session,
        lease.job_id,
        "failed",
        by=by,
        guard=(*_held(lease), Job.state == "running", when),
        values={**_ENDED, **_blame(fault), "token": Job.token + 1, "phase": None, "eta_s": None},
        note={"code": fault.code},
    )


def _send_again(session: Session, job_id: str) -> None:
    """Have another message sent for a job, unless its outbox row is just being deleted or marked by somebody else.

    Waiting for that could last for ever: two workers that each took the job of the other's message would wait for each
    other.
    """
    free = select(Outbox.job_id).where(Outbox.job_id == job_id).with_for_update(skip_locked=True)
    session.execute(
        update(Outbox).where(Outbox.job_id.in_(free)).values(sent_at=None).execution_options(synchronize_session=False)
    )


def _drop_from_outbox(session: Session, job_id: str) -> None:
    """Delete the outbox row of a job that left the queue."""
    session.execute(delete(Outbox).where(Outbox.job_id == job_id))
