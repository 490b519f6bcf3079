"""Transitions that the API makes: a job is ordered, or is to be canceled."""

from __future__ import annotations

from sqlalchemy import insert
from sqlalchemy.orm import Session

from backend.db import now
from backend.jobs.transitions.guarded import ENDED, add_event, change_state, drop_from_outbox
from backend.tables import Job, Outbox


def enqueue(session: Session, job: Job) -> None:
    """Add a new job and its outbox row."""
    session.add(job)
    session.flush()
    session.execute(insert(Outbox).values(job_id=job.id))
    add_event(session, job.id, "state", {"to": "queued", "by": "api"})


def request_cancel(session: Session, job_id: str) -> bool:
    """Cancel a queued job at once, ask the worker of a running one to stop. False: nothing to cancel."""
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
