"""Progress events of ended jobs: a long training leaves tens of thousands, and a curve needs some hundreds."""

from __future__ import annotations

from sqlalchemy import delete, func, select

from backend.db import Database
from backend.tables import FINAL_STATES, Job, JobEvent

_KEPT = 500
"""About so many progress events of an ended job are kept, evenly spread; at most twice as many."""


def thin_progress(db: Database) -> None:
    """Thin out the progress events of ended jobs; their numbers have gaps then, all other events stay."""
    of_kind = JobEvent.kind == "progress"
    crowded = (
        select(JobEvent.job_id, func.count())
        .join(Job, Job.id == JobEvent.job_id)
        .where(of_kind, Job.state.in_(FINAL_STATES))
        .group_by(JobEvent.job_id)
        .having(func.count() > 2 * _KEPT)
    )
    with db.read() as session:
        found = session.execute(crowded).all()
    for job_id, count in found:
        with db.write() as session:
            rest = JobEvent.seq % (count // _KEPT) != 0
            session.execute(
                delete(JobEvent)
                .where(JobEvent.job_id == job_id, of_kind, rest)
                .execution_options(synchronize_session=False)
            )
