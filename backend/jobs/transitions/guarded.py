"""What every transition is made of: one UPDATE whose WHERE clause states what must still be true, and its event.

When no row matches, somebody else was faster and nothing is written. Times come from the database's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, update
from sqlalchemy.orm import Session

from backend.db import now
from backend.jobs.faults import Fault
from backend.tables import FINAL_STATES, Job, JobEvent, Outbox


@dataclass(frozen=True)
class Lease:
    """The right to write results of one attempt, as long as the token is the job's current one."""

    job_id: str
    token: int


ENDED: dict[str, Any] = {"finished_at": now(), "lease_until": None, "owner": None}


def held(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    """The lease is still the current one."""
    return Job.id == lease.job_id, Job.token == lease.token


def blame(fault: Fault) -> dict[str, Any]:
    """Columns that record a fault."""
    return {"error_code": fault.code, "error_message": fault.message, "error_hint": fault.hint}


def change_state(
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


def requeue(
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
    moved = change_state(
        session,
        lease.job_id,
        "queued",
        by=by,
        guard=(*held(lease), *guard),
        values={**freed, **values},
        note={"reason": reason},
    )
    if moved:
        session.execute(insert(Outbox).values(job_id=lease.job_id))
    return moved


def fail_if(session: Session, lease: Lease, when: ColumnElement[bool], fault: Fault, *, by: str) -> bool:
    """Fail a running job when the condition holds."""
    return change_state(
        session,
        lease.job_id,
        "failed",
        by=by,
        guard=(*held(lease), Job.state == "running", when),
        values={**ENDED, **blame(fault), "token": Job.token + 1, "phase": None, "eta_s": None},
        note={"code": fault.code},
    )


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


def drop_from_outbox(session: Session, job_id: str) -> None:
    """Delete the outbox row of a job that left the queue."""
    session.execute(delete(Outbox).where(Outbox.job_id == job_id))
