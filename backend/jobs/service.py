"""Creating, reading, cancelling and retrying jobs."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from os import SEEK_END

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.context import Context, instant
from backend.datasets.service import freeze_dataset
from backend.errors import Conflict, NotFound, Unprocessable
from backend.ids import new_id
from backend.jobs import repository, transitions
from backend.jobs.repository import JobRow
from backend.jobs.schemas import (
    ComparisonIn,
    EventOut,
    EventPage,
    JobErrorOut,
    JobIn,
    JobList,
    JobOut,
    Options,
    ProgressOut,
    TrainingIn,
)
from backend.logs import log_context
from backend.paging import PageRequest, cut_page
from backend.tables import FINAL_STATES, Job, JobKind, JobState
from spf_portrait.contract.bases import find_base
from spf_portrait.contract.drawing_spec import ComparisonSpec
from spf_portrait.contract.training_spec import TrainingSpec

log = logging.getLogger(__name__)

_LOG_BYTES = 256 * 1024
"""How much of a log's end is shown."""


def create_job(context: Context, order: JobIn, idempotency_key: str | None) -> tuple[JobOut, bool]:
    """Accept an order.

    Args:
        context: parts of the application.
        order: the checked request body.
        idempotency_key: header value; the same key with the same body finds the job created before.

    Returns:
        The job, and whether it is new.

    Raises:
        NotFound: data set or adapter do not exist.
        Unprocessable: the captions have problems, or the key was used with another body.
        SpfError: an option is unknown or out of bounds, or the base model is missing.
    """
    digest = _digest(order.model_dump(mode="json"))
    known = _find_repeated(context, idempotency_key, digest)
    if known is not None:
        return known, False
    job = _training_job(context, order) if isinstance(order, TrainingIn) else _comparison_job(context, order)
    return _add(context, job, idempotency_key, digest)


def retry_job(context: Context, job_id: str, idempotency_key: str | None) -> tuple[JobOut, bool]:
    """Order an ended job again, as a new job that goes on from the last checkpoint of the old one.

    Raises:
        NotFound: no such job.
        Conflict: the job succeeded or is not at its end yet.
    """
    digest = _digest({"retry": job_id})
    known = _find_repeated(context, idempotency_key, digest)
    if known is not None:
        return known, False
    with context.db.read() as session:
        old = _require(session, job_id).job
    if old.state not in {"failed", "canceled"}:
        raise Conflict(
            "job_not_retryable",
            f"Found job {job_id} in state {old.state}; only failed and canceled jobs can be retried.",
            "Wait for its end, or create a new job with the same options.",
        )
    find_base(str(old.spec["base"]), context.settings.models_dir)
    job = Job(
        id=new_id("job"),
        kind=old.kind,
        parent_id=old.id,
        dataset_version_id=old.dataset_version_id,
        source_adapter_id=old.source_adapter_id,
        spec=old.spec,
    )
    return _add(context, job, idempotency_key, digest)


def cancel_job(context: Context, job_id: str) -> JobOut:
    """Ask for the end of a job; asking again changes nothing.

    Raises:
        NotFound: no such job.
        Conflict: the job has succeeded or failed before.
    """
    with context.db.write() as session:
        transitions.lock(session, job_id)
        state = _require(session, job_id).job.state
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
        return _job_out(_require(session, job_id))


def list_jobs(context: Context, page: PageRequest, kinds: Sequence[JobKind], states: Sequence[JobState]) -> JobList:
    """Return a page of jobs, newest first; an empty filter lets everything through."""
    with context.db.read() as session:
        rows = repository.list_jobs(session, limit=page.limit + 1, cursor=page.cursor, kinds=kinds, states=states)
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
        job = _require(session, job_id).job
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
        _require(session, job_id)
    logs = {int(path.suffixes[-2][1:]): path for path in context.storage.path("logs").glob(f"{job_id}.*.log")}
    if not logs:
        raise NotFound("log", job_id)
    with logs[max(logs)].open("rb") as log:
        size = log.seek(0, SEEK_END)
        log.seek(max(0, size - _LOG_BYTES))
        return log.read()


def _training_job(context: Context, order: TrainingIn) -> Job:
    """Build the row of a training; freezes the caption set when it is not frozen yet."""
    spec = TrainingSpec.from_order(order.spec, context.settings.models_dir)
    find_base(spec.base, context.settings.models_dir)
    version = freeze_dataset(context, order.dataset_id)
    return Job(id=new_id("job"), kind="training", dataset_version_id=version.id, spec=spec.model_dump(mode="json"))


def _comparison_job(context: Context, order: ComparisonIn) -> Job:
    """Build the row of a comparison; the base model is the one the adapters were made for."""
    spec = ComparisonSpec.from_mapping({**order.spec, "adapter": order.adapter_id})
    _ = spec.caption  # refuses phrases that no caption may have, before anything is queued
    labels = [use.adapter for use in spec.adapters] if order.adapter_id is None else [order.adapter_id]
    if labels:
        base = _base_of(context, labels)
        if order.spec.get("base", base) != base:
            raise Unprocessable(
                "base_mismatch",
                f"Found base {spec.base!r}; adapter {labels[0]} was made for {base!r}.",
                "Leave `base` away or use the adapter's.",
            )
        spec = spec.model_copy(update={"base": base})
    find_base(spec.base, context.settings.models_dir)
    return Job(
        id=new_id("job"),
        kind="comparison",
        source_adapter_id=labels[0] if labels else None,
        spec=spec.model_dump(mode="json"),
    )


def _base_of(context: Context, adapter_ids: Sequence[str]) -> str:
    """Return the base model that all of these adapters were made for."""
    bases: dict[str, str] = {}
    with context.db.read() as session:
        for adapter_id in adapter_ids:
            adapter = repository.get_adapter(session, adapter_id)
            if adapter is None:
                raise NotFound("adapter", adapter_id)
            bases[adapter_id] = adapter.base
    if len(set(bases.values())) > 1:
        found = ", ".join(f"{adapter_id} for {base!r}" for adapter_id, base in bases.items())
        raise Unprocessable(
            "mixed_bases",
            f"Found adapters of different base models ({found}); one pair is drawn with one base model.",
            "Choose adapters that were made for the same base model.",
        )
    return bases[adapter_ids[0]]


def _add(context: Context, job: Job, idempotency_key: str | None, digest: str) -> tuple[JobOut, bool]:
    """Write job, outbox row and idempotency key in one transaction, unless another request was faster."""
    try:
        with context.db.write() as session:
            known = _repeated(session, idempotency_key, digest)
            if known is None:
                transitions.enqueue(session, job)
                if idempotency_key is not None:
                    repository.add_idempotency_key(session, idempotency_key, digest, job.id)
    except IntegrityError:
        # PostgreSQL lets two requests look for the key before either has stored it; the table takes one of them.
        repeated = _find_repeated(context, idempotency_key, digest)
        if repeated is None:
            raise
        return repeated, False
    if known is None:
        with log_context(job_id=job.id):
            log.info("a %s is ordered", job.kind)
    return read_job(context, known or job.id), known is None


def _find_repeated(context: Context, key: str | None, digest: str) -> JobOut | None:
    """Return the job that this request created before, or None."""
    with context.db.read() as session:
        job_id = _repeated(session, key, digest)
    return None if job_id is None else read_job(context, job_id)


def _repeated(session: Session, key: str | None, digest: str) -> str | None:
    """Return the id of the job that a key stands for, or None for a new key."""
    known = repository.find_idempotency_key(session, key) if key is not None else None
    if known is None:
        return None
    if known.request_sha256 != digest:
        raise Unprocessable(
            "idempotency_key_reused",
            f"Found Idempotency-Key {key!r} with another request than the first one it came with.",
            "Use a new key for a new request.",
        )
    return known.job_id


def _digest(body: object) -> str:
    """Return a hash that is equal for equal request bodies."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _require(session: Session, job_id: str) -> JobRow:
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
    options: Options = job.spec
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
            "source_adapter_id": job.source_adapter_id,
            "adapter_id": row.adapter_id,
            "comparison_id": row.comparison_id,
            "created_at": instant(job.created_at),
            "started_at": instant(job.started_at) if job.started_at is not None else None,
            "finished_at": instant(job.finished_at) if job.finished_at is not None else None,
            "spec": options,
        }
    )
