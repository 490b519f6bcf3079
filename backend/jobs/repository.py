"""Reading and adding of job rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from backend.tables import Adapter, Comparison, DatasetVersion, IdempotencyKey, Job, JobEvent, JobKind, JobState


@dataclass(frozen=True)
class JobRow:
    """A job with what its neighbours know about it."""

    job: Job
    dataset_id: str | None
    adapter_id: str | None
    comparison_id: str | None
    queue_position: int | None


def get_job(session: Session, job_id: str) -> JobRow | None:
    """Return one job, or None."""
    rows = _read(session, _joined().where(Job.id == job_id))
    return rows[0] if rows else None


def list_jobs(
    session: Session, *, limit: int, cursor: str | None, kinds: Sequence[JobKind], states: Sequence[JobState]
) -> list[JobRow]:
    """Return up to `limit` jobs of these kinds and states (of all, when empty), newest first, older than the cursor."""
    query = _joined().order_by(Job.id.desc()).limit(limit)
    if cursor is not None:
        query = query.where(Job.id < cursor)
    if kinds:
        query = query.where(Job.kind.in_(kinds))
    if states:
        query = query.where(Job.state.in_(states))
    return _read(session, query)


def list_events(session: Session, job_id: str, *, after: int, limit: int) -> Sequence[JobEvent]:
    """Return up to `limit` events with a higher number than `after`, in order."""
    query = select(JobEvent).where(JobEvent.job_id == job_id, JobEvent.seq > after)
    return session.scalars(query.order_by(JobEvent.seq).limit(limit)).all()


def get_adapter(session: Session, adapter_id: str) -> Adapter | None:
    """Return the adapter that a comparison wants to draw with, or None."""
    return session.get(Adapter, adapter_id)


def hold_version(session: Session, version_id: str | None) -> bool:
    """Tell whether a caption set version is there; until the transaction ends, nobody deletes it."""
    if version_id is None:
        return False
    return session.get(DatasetVersion, version_id, with_for_update={"read": True}) is not None


def find_idempotency_key(session: Session, key: str) -> IdempotencyKey | None:
    """Return what an earlier request with this key created, or None."""
    return session.get(IdempotencyKey, key)


def add_idempotency_key(session: Session, key: str, request_sha256: str, job_id: str) -> None:
    """Remember which job a request created."""
    session.add(IdempotencyKey(key=key, request_sha256=request_sha256, job_id=job_id))


def _joined() -> Select[Job, str, str, str, int]:
    """Jobs with the ids of their data set and results, and how many jobs of their kind stand before them."""
    other = aliased(Job)
    earlier = or_(other.created_at < Job.created_at, and_(other.created_at == Job.created_at, other.id < Job.id))
    before = (
        select(func.count())
        .select_from(other)
        .where(other.state == "queued", other.kind == Job.kind, earlier)
        .correlate(Job)
        .scalar_subquery()
    )
    return (
        select(Job, DatasetVersion.dataset_id, Adapter.id, Comparison.id, before)
        .outerjoin(DatasetVersion, DatasetVersion.id == Job.dataset_version_id)
        .outerjoin(Adapter, Adapter.job_id == Job.id)
        .outerjoin(Comparison, Comparison.job_id == Job.id)
    )


def _read(session: Session, query: Select[Job, str, str, str, int]) -> list[JobRow]:
    """Run a joined query."""
    return [
        JobRow(job, dataset_id, adapter_id, comparison_id, before + 1 if job.state == "queued" else None)
        for job, dataset_id, adapter_id, comparison_id, before in session.execute(query)
    ]


def ancestors(session: Session, parent_id: str | None) -> list[str]:
    """Return the parent job, its parent, and so on."""
    found: list[str] = []
    while parent_id is not None:
        found.append(parent_id)
        parent_id = session.scalar(select(Job.parent_id).where(Job.id == parent_id))
    return found
