"""Reading and adding of job rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from backend.tables import (
    FINAL_STATES,
    RESULTS,
    Adapter,
    DatasetVersion,
    IdempotencyKey,
    Job,
    JobAdapter,
    JobEvent,
    JobState,
    Outbox,
)


@dataclass(frozen=True)
class JobFilter:
    """Which jobs are wanted; what is empty lets everything through."""

    kinds: Sequence[str] = ()
    states: Sequence[JobState] = ()
    adapter_id: str | None = None
    dataset_id: str | None = None


@dataclass(frozen=True)
class JobRow:
    """A job with what its neighbours know about it."""

    job: Job
    dataset_id: str | None
    target: str | None
    queue_position: int | None
    published: dict[str, str]
    """Noun of a result → its id; at most one."""


def get_job(session: Session, job_id: str) -> JobRow | None:
    """Return one job, or None."""
    rows = _read(session, _joined().where(Job.id == job_id))
    return rows[0] if rows else None


def list_jobs(session: Session, wanted: JobFilter, *, limit: int, cursor: str | None) -> list[JobRow]:
    """Return up to `limit` jobs, newest first, older than the cursor."""
    query = _joined().order_by(Job.id.desc()).limit(limit)
    if cursor is not None:
        query = query.where(Job.id < cursor)
    if wanted.kinds:
        query = query.where(Job.kind.in_(wanted.kinds))
    if wanted.states:
        query = query.where(Job.state.in_(wanted.states))
    if wanted.adapter_id is not None:
        query = query.where(JobAdapter.works_with(wanted.adapter_id, Job.id.expression))
    if wanted.dataset_id is not None:
        query = query.where(DatasetVersion.dataset_id == wanted.dataset_id)
    return _read(session, query)


def adapters_of(session: Session, job_id: str) -> tuple[str, ...]:
    """Return the adapters that a job works with."""
    return tuple(session.scalars(select(JobAdapter.adapter_id).where(JobAdapter.job_id == job_id)))


def list_events(session: Session, job_id: str, *, after: int, limit: int) -> Sequence[JobEvent]:
    """Return up to `limit` events with a higher number than `after`, in order."""
    query = select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.seq > after)
    return session.scalars(query.order_by(JobEvent.seq).limit(limit)).all()


def get_adapter(session: Session, adapter_id: str) -> Adapter | None:
    """Return the adapter that an order names, or None."""
    return session.get(Adapter, adapter_id)


def is_kept(session: Session, row: type[Job] | type[Adapter] | type[DatasetVersion], row_id: str | None) -> bool:
    """Tell whether a row is there; it cannot be deleted before the end of the transaction then."""
    query = select(row.id).where(row.id == row_id).with_for_update(read=True, key_share=True)
    return session.scalar(query) is not None


def lock_job(session: Session, job_id: str) -> None:
    """Let no other transaction retry, change or delete a job before the end of this one.

    For what is decided by more than one statement. SQLite, where writers wait for each other anyway, ignores it.
    """
    session.execute(select(Job.id).where(Job.id == job_id).with_for_update())


def find_idempotency_key(session: Session, key: str) -> IdempotencyKey | None:
    """Return what an earlier request with this key created, or None."""
    return session.scalar(select(IdempotencyKey).where(IdempotencyKey.key == key))


def add_idempotency_key(session: Session, key: str, request_sha256: str, job_id: str) -> None:
    """Remember which job a request created."""
    session.add(IdempotencyKey(key=key, request_sha256=request_sha256, job_id=job_id))


def unfinished_retries(session: Session, job_id: str) -> Sequence[str]:
    """Return the retries of a job, their retries and so on, that have not ended."""
    generation, unfinished = [job_id], list[str]()
    while generation:
        query = select(Job.id, Job.state).where(Job.parent_id.in_(generation))
        found = session.execute(query).all()
        unfinished += [child for child, state in found if state not in FINAL_STATES]
        generation = [child for child, _ in found]
    return unfinished


def delete_job(session: Session, job_id: str) -> None:
    """Delete a job and everything that is about it alone; its retries forget it."""
    session.execute(update(Job).where(Job.parent_id == job_id).values(parent_id=None))
    for table in (JobEvent, Outbox, IdempotencyKey, JobAdapter):
        session.execute(delete(table).where(table.job_id == job_id))
    session.execute(delete(Job).where(Job.id == job_id))


def ancestors(session: Session, parent_id: str | None) -> list[str]:
    """Return the parent job, its parent, and so on."""
    found: list[str] = []
    while parent_id is not None:
        found.append(parent_id)
        parent_id = session.scalar(select(Job.parent_id).where(Job.id == parent_id))
    return found


def _joined() -> Select[Job, str, str, int]:
    """Jobs with id and target of their data set, and how many jobs of their queue stand before them."""
    other = aliased(Job)
    earlier = or_(other.created_at < Job.created_at, and_(other.created_at == Job.created_at, other.id < Job.id))
    before = (
        select(func.count())
        .select_from(other)
        .where(other.state == "queued", other.queue == Job.queue, earlier)
        .correlate(Job)
        .scalar_subquery()
    )
    return select(Job, DatasetVersion.dataset_id, DatasetVersion.target, before).outerjoin(
        DatasetVersion, DatasetVersion.id == Job.dataset_version_id
    )


def _read(session: Session, query: Select[Job, str, str, int]) -> list[JobRow]:
    """Run a joined query, and look up what the jobs published."""
    found = session.execute(query).all()
    published = _published(session, [job.id for job, *_ in found])
    return [
        JobRow(job, dataset_id, target, before + 1 if job.state == "queued" else None, published.get(job.id, {}))
        for job, dataset_id, target, before in found
    ]


def _published(session: Session, job_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return what these jobs published."""
    return {
        job_id: {table.noun: result_id}
        for table in RESULTS
        for job_id, result_id in session.execute(select(table.job_id, table.id).where(table.job_id.in_(job_ids)))
    }
