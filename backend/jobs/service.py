"""Reading, following and cancelling jobs."""

from __future__ import annotations

from os import SEEK_END

from sqlalchemy.orm import Session

from backend.context import Context, instant
from backend.errors import Conflict, NotFound
from backend.jobs import repository, transitions
from backend.jobs.repository import JobFilter, JobRow
from backend.jobs.schemas import EventOut, EventPage, JobErrorOut, JobList, JobOut, ProgressOut
from backend.paging import PageRequest, cut_page
from backend.tables import FINAL_STATES, RESULTS

_LOG_BYTES = 256 * 1024
"""How much of a log's end is shown."""


def cancel_job(context: Context, job_id: str) -> JobOut:
    """Ask for the end of a job; asking again changes nothing.

    Raises:
        NotFound: no such job.
        Conflict: the job has succeeded or failed before.
    """
    with context.db.write() as session:
        repository.lock_job(session, job_id)
        state = require_job(session, job_id).job.state
        if state in {"succeeded", "failed"}:
            raise Conflict(
                "job_already_ended",
                f"Found job {job_id} in the final state {state}; only queued and running jobs can be canceled.",
                "Nothing is left to do.",
            )
        transitions.request_cancel(session, job_id)
    return read_job(context, job_id)


def read_job(context: Context, job_id: str) -> JobOut:
    """Return one job.

    Raises:
        NotFound: no such job.
    """
    with context.db.read() as session:
        return _job_out(require_job(session, job_id))


def list_jobs(context: Context, page: PageRequest, wanted: JobFilter) -> JobList:
    """Return a page of jobs, newest first."""
    with context.db.read() as session:
        rows = repository.list_jobs(session, wanted, limit=page.limit + 1, cursor=page.cursor)
    cut = cut_page(rows, [row.job.id for row in rows], page.limit)
    return JobList(
        data=[_job_out(row) for row in cut.rows],
        next_cursor=cut.next_cursor,
        has_more=cut.next_cursor is not None,
    )


def list_events(context: Context, job_id: str, after: int, limit: int) -> EventPage:
    """Return the events after a number.

    Raises:
        NotFound: no such job.
    """
    with context.db.read() as session:
        job = require_job(session, job_id).job
        rows = repository.list_events(session, job_id, after=after, limit=limit)
    last = rows[-1].seq if rows else after
    has_more = last < job.last_event_seq
    return EventPage(
        data=[
            EventOut.model_validate({"seq": row.seq, "at": instant(row.at), "kind": row.kind, "data": row.data})
            for row in rows
        ],
        next_after=last,
        has_more=has_more,
        final=job.state in FINAL_STATES and not has_more,
    )


def read_log(context: Context, job_id: str) -> bytes:
    """Return the end of what the engine wrote to its log in the job's latest attempt that has one.

    Raises:
        NotFound: no such job, or no log: it never ran, or its log was swept.
    """
    with context.db.read() as session:
        require_job(session, job_id)
    logs = {int(path.suffixes[-2][1:]): path for path in context.storage.path("logs").glob(f"{job_id}.*.log")}
    if not logs:
        raise NotFound("log", job_id)
    with logs[max(logs)].open("rb") as log:
        size = log.seek(0, SEEK_END)
        log.seek(max(0, size - _LOG_BYTES))
        return log.read()


def require_job(session: Session, job_id: str) -> JobRow:
    """Return a job or raise NotFound."""
    row = repository.get_job(session, job_id)
    if row is None:
        raise NotFound("job", job_id)
    return row


def _job_out(row: JobRow) -> JobOut:
    """Show a job."""
    job = row.job
    error = None
    if job.error_code is not None:
        error = JobErrorOut(code=job.error_code, message=job.error_message or "", hint=job.error_hint or "")
    return JobOut.model_validate(
        {
            "id": job.id,
            "kind": job.kind,
            "status": job.state,
            "phase": job.phase,
            "progress": ProgressOut(step=job.step, total=job.total, eta_s=job.eta_s),
            "losses": job.losses,
            "queue_position": row.queue_position,
            "attempt": job.attempt,
            "error": error,
            "parent_id": job.parent_id,
            "dataset_id": row.dataset_id,
            "dataset_version_id": job.dataset_version_id,
            "target": row.target,
            "source_adapter_id": job.source_adapter_id,
            **{f"{table.noun}_id": row.published.get(table.noun) for table in RESULTS},
            "created_at": instant(job.created_at),
            "started_at": instant(job.started_at) if job.started_at is not None else None,
            "finished_at": instant(job.finished_at) if job.finished_at is not None else None,
            "spec": job.spec,
        }
    )
