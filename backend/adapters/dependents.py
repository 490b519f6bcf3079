"""What keeps an adapter from being deleted: unfinished jobs that work with it, and results that were made with it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.errors import Conflict
from backend.tables import FINAL_STATES, RESULTS, Adapter, Job, JobAdapter

_NAMED = 5
"""So many are named; a message is no list."""


def refuse_in_use(session: Session, adapter: Adapter) -> None:
    """Raise Conflict while something depends on an adapter."""
    works = JobAdapter.works_with(adapter.id, Job.id.expression)
    jobs = session.scalars(select(Job.id).where(works, Job.state.not_in(FINAL_STATES))).all()
    if jobs:
        raise Conflict(
            "adapter_in_use",
            f"Found adapter {adapter.id} in use by {_counted(jobs, 'unfinished job')}; only an adapter that no "
            "unfinished job works with can be deleted.",
            f"Cancel them or wait for their end: GET /api/v1/jobs?adapter_id={adapter.id}.",
        )
    for table in RESULTS:
        made = JobAdapter.works_with(adapter.id, table.job_id.expression)
        results = session.scalars(select(table.id).where(made)).all()
        if results:
            raise Conflict(
                "adapter_has_results",
                f"Found {_counted(results, table.noun)} made with adapter {adapter.id}; only an adapter that nothing "
                "was made with can be deleted.",
                f"Delete them first: DELETE /api/v1/{table.__tablename__}/{{id}}.",
            )


def _counted(ids: Sequence[str], noun: str) -> str:
    """Say how many there are, and name the first."""
    plural = "" if len(ids) == 1 else "s"
    more = ", …" if len(ids) > _NAMED else ""
    return f"{len(ids)} {noun}{plural} ({', '.join(ids[:_NAMED])}{more})"
