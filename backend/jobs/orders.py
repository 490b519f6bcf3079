"""Ordering jobs, for the first time or again."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy.orm import Session

from backend.context import Context
from backend.errors import Conflict, NotFound
from backend.idempotency import digest, find_or_make, require_same_request
from backend.ids import new_id
from backend.jobs import repository, transitions
from backend.jobs.kinds import KINDS, JobIn
from backend.jobs.schemas import JobOut
from backend.jobs.service import read_job, require_job
from backend.logs import log_context
from backend.tables import Adapter, DatasetVersion, Job
from spf_portrait.contract.bases import find_base

log = logging.getLogger(__name__)


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
    sha256 = digest(order.model_dump(mode="json"))
    return find_or_make(
        lambda: _find_repeated(context, idempotency_key, sha256),
        lambda: _create(context, order, idempotency_key, sha256),
    )


def _create(context: Context, order: JobIn, idempotency_key: str | None, sha256: str) -> tuple[JobOut, bool]:
    """Check an order and queue its job."""
    kind = KINDS[order.kind]
    draft = kind.draft(context, order)
    job = Job(
        id=new_id("job"),
        kind=order.kind,
        queue=kind.queue,
        dataset_version_id=draft.dataset_version_id,
        source_adapter_id=next(iter(draft.adapter_ids), None),
        spec=draft.spec,
    )
    return _add(context, job, draft.adapter_ids, idempotency_key, sha256)


def retry_job(context: Context, job_id: str, idempotency_key: str | None) -> tuple[JobOut, bool]:
    """Order an ended job again, as a new job that goes on from the last checkpoint of the old one.

    Raises:
        NotFound: no such job, or an adapter that it works with was deleted.
        Conflict: the job succeeded or is not at its end yet, or its caption set was deleted.
        SpfError: the base model is missing.
    """
    sha256 = digest({"retry": job_id})
    return find_or_make(
        lambda: _find_repeated(context, idempotency_key, sha256),
        lambda: _retry(context, job_id, idempotency_key, sha256),
    )


def _retry(context: Context, job_id: str, idempotency_key: str | None, sha256: str) -> tuple[JobOut, bool]:
    """Check that a job may be retried and queue the new one."""
    with context.db.read() as session:
        old = require_job(session, job_id).job
        adapter_ids = repository.adapters_of(session, job_id)
    if old.state not in {"failed", "canceled"}:
        raise Conflict(
            "job_not_retryable",
            f"Found job {job_id} in state {old.state}; only failed and canceled jobs can be retried.",
            "Wait for its end, or create a new job with the same options.",
        )
    find_base(str(old.spec["base"]), context.settings.models_dir)
    job = Job(
        id=new_id("job"),
        belongs_to=old.belongs_to,
        kind=old.kind,
        queue=old.queue,
        parent_id=old.id,
        dataset_version_id=old.dataset_version_id,
        source_adapter_id=old.source_adapter_id,
        spec=old.spec,
    )
    return _add(context, job, adapter_ids, idempotency_key, sha256)


def _add(
    context: Context, job: Job, adapter_ids: Sequence[str], idempotency_key: str | None, sha256: str
) -> tuple[JobOut, bool]:
    """Write job, outbox row and idempotency key in one transaction, unless another request was faster."""
    with context.db.write() as session:
        known = _repeated(session, idempotency_key, sha256)
        if known is None:
            _refuse_if_gone(session, job, adapter_ids)
            transitions.enqueue(session, job, adapter_ids)
            if idempotency_key is not None:
                repository.add_idempotency_key(session, idempotency_key, sha256, job.id)
    if known is None:
        with log_context(job_id=job.id):
            log.info("a %s is ordered", job.kind)
    return read_job(context, known or job.id), known is None


def _refuse_if_gone(session: Session, job: Job, adapter_ids: Sequence[str]) -> None:
    """Refuse a job that needs what was deleted: since the order was checked, or long ago, before a retry.

    Raises:
        NotFound: an adapter or the retried job was.
        Conflict: the caption set of a training was.
    """
    for adapter_id in adapter_ids:
        if not repository.is_kept(session, Adapter, adapter_id):
            raise NotFound("adapter", adapter_id)
    if job.parent_id is not None and not repository.is_kept(session, Job, job.parent_id):
        raise NotFound("job", job.parent_id)
    if job.kind == "training" and not repository.is_kept(session, DatasetVersion, job.dataset_version_id):
        raise Conflict(
            "dataset_deleted",
            "The caption set of this training was deleted, and its portraits with it.",
            "Upload the portraits again, and order a training on the new caption set.",
        )


def _find_repeated(context: Context, key: str | None, sha256: str) -> tuple[JobOut, bool] | None:
    """Return the job that this request created before, which is not new, or None."""
    with context.db.read() as session:
        job_id = _repeated(session, key, sha256)
    return None if job_id is None else (read_job(context, job_id), False)


def _repeated(session: Session, key: str | None, sha256: str) -> str | None:
    """Return the id of the job that a key stands for, or None for a new key."""
    known = repository.find_idempotency_key(session, key) if key is not None else None
    if known is None:
        return None
    require_same_request(known.key, known.request_sha256, sha256)
    return known.job_id
