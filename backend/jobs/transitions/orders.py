"""Transitions that the API makes: a job is ordered, or is to be canceled."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert
from sqlalchemy.orm import Session

from backend.db import now
from backend.jobs.repository import lock_job
from backend.jobs.transitions.guarded import ENDED, add_event, change_state, drop_from_outbox
from backend.tables import Job, JobAdapter, Outbox


def enqueue(session: Session, job: Job, adapter_ids: Sequence[str] = ()) -> None:
    """Add a new job, the adapters that it works with, and its outbox row."""
    session.add(job)
    session.flush()
    session.add_all(JobAdapter(job_id=job.id, adapter_id=adapter_id) for adapter_id in dict.fromkeys(adapter_ids))
    session.execute(insert(Outbox).values(job_id=job.id))
    add_event(session, job.id, "state", {"to": "queued", "by": "api"})


def request_cancel(session: Session, job_id: str) -> bool:
    """Cancel a queued job at once, ask the worker of a running one to stop. False: nothing to cancel."""
    # Or else it might leave the one state before the first guard is tried, and come back before the second.
    lock_job(session, job_id)
    if change_state(
        session,
        job_id,
        "canceled",
        by="api",
        guard=(Job.state == "queued",),
        values={**ENDED, "cancel_requested_at": now(), "phase": None},
    ):
        drop_from_outbox(session, job_id)
        return True
    return change_state(
        session,
        job_id,
        "canceling",
        by="api",
        guard=(Job.state == "running",),
        values={"cancel_requested_at": now()},
    )
