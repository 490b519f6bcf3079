"""Deleting an ended job: its row and events, its log, its checkpoints and its previews."""

from __future__ import annotations

from sqlalchemy.orm import Session

from backend.context import Context
from backend.errors import Conflict
from backend.jobs import repository
from backend.jobs.preview_files import preview_folder
from backend.jobs.repository import JobRow
from backend.jobs.service import require_job
from backend.tables import FINAL_STATES, RESULTS


def delete_job(context: Context, job_id: str) -> None:
    """Delete a job that nothing depends on. Ended retries of it stay and forget whom they retried.

    Raises:
        NotFound: no such job.
        Conflict: it has not ended, its result is still there, or a retry of it may go on from its checkpoints.
    """
    with context.db.write() as session:
        repository.lock_job(session, job_id)
        row = require_job(session, job_id)
        _refuse(session, row)
        repository.delete_job(session, job_id)
    # The row goes first: files that no row knows are swept.
    for key in (f"jobs/{job_id}", f"checkpoints/{job_id}", preview_folder(job_id)):
        context.storage.delete(key)
    for log in context.storage.path("logs").glob(f"{job_id}.*.log"):
        log.unlink(missing_ok=True)


def _refuse(session: Session, row: JobRow) -> None:
    """Raise Conflict while something depends on a job."""
    job = row.job
    if job.state not in FINAL_STATES:
        raise Conflict(
            "job_not_ended",
            f"Found job {job.id} in state {job.state}; only succeeded, failed and canceled jobs can be deleted.",
            "Cancel it, or wait for its end.",
        )
    for table in RESULTS:
        if table.noun in row.published:
            address = f"/api/v1/{table.__tablename__}/{row.published[table.noun]}"
            raise Conflict(
                "job_has_result",
                f"Found {table.noun} {row.published[table.noun]}, which job {job.id} published; only a job without a "
                "result can be deleted.",
                f"Delete the {table.noun} first: DELETE {address}.",
            )
    retries = repository.unfinished_retries(session, job.id)
    if retries:
        raise Conflict(
            "job_is_retried",
            f"Found job {retries[0]}, an unfinished retry of job {job.id}, which may go on from its checkpoints.",
            "Cancel the retry, or wait for its end.",
        )
