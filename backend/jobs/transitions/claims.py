"""How a worker takes a job from the line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from backend.db import now
from backend.jobs.transitions.guarded import Lease, add_event, drop_from_outbox
from backend.tables import Job, Outbox


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
    drop_from_outbox(session, job_id)
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
    """Take the oldest job that is ready, of the queue that a message's job is in.

    Messages come in the order in which they were sent, so that of a job that was interrupted comes last; its turn does
    not. The message's own job, if it is left behind, gets another message.
    """
    queue = select(Job.queue).where(Job.id == job_id).scalar_subquery()
    line = select(Job.id).where(Job.queue == queue, *_ready()).order_by(*line_of_jobs()).limit(1)
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


def _ready() -> tuple[ColumnElement[bool], ...]:
    """The job may be claimed now."""
    return (
        Job.state == "queued",
        Job.cancel_requested_at.is_(None),
        Job.not_before <= now(),
        Job.attempt < Job.max_attempts,
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
