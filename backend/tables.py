"""Tables. Times are seconds since 1970 UTC by the database's clock (see `backend.db.now`)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, get_args

from sqlalchemy import (
    DDL,
    JSON,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    MetaData,
    UniqueConstraint,
    event,
    exists,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from backend.caller import LOCAL_OWNER, SCOPES
from backend.db import now

JobState = Literal["queued", "running", "canceling", "succeeded", "failed", "canceled"]
JobQueue = Literal["train", "draw"]
"""Each is served by workers of its own, so that a pair does not wait behind a night of training."""
FINAL_STATES: tuple[JobState, ...] = ("succeeded", "failed", "canceled")
LEGAL_TRANSITIONS: dict[JobState, tuple[JobState, ...]] = {
    "queued": ("running", "failed", "canceled"),
    "running": ("queued", "succeeded", "failed", "canceling"),
    "canceling": ("canceled",),
}


def _one_of(column: str, values: tuple[str, ...]) -> str:
    """SQL condition: the column holds one of the values."""
    quoted = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({quoted})"


class Base(DeclarativeBase):
    """Base of all tables; constraints get names, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON, list[dict[str, Any]]: JSON}  # noqa: RUF012


class Owned:
    """What belongs to somebody; items, versions, events and results belong to whom their set or job belongs to."""

    belongs_to: Mapped[str] = mapped_column(server_default=LOCAL_OWNER)
    """Name of the owner, see `backend.ownership`."""


class RequestKeyRow:
    """An Idempotency-Key of an answered request; two owners may use the same one."""

    belongs_to: Mapped[str] = mapped_column(primary_key=True, default=LOCAL_OWNER)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_sha256: Mapped[str]
    created_at: Mapped[float] = mapped_column(default=now())


class ApiKey(Base):
    """A key that an owner calls with. Rows stay when a key is revoked: a studio that had one needs one."""

    __tablename__ = "api_keys"
    __table_args__ = (CheckConstraint(_one_of("scope", SCOPES), name="scope"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    """The public part of the key, by which it is found and revoked."""
    secret_sha256: Mapped[str]
    owner: Mapped[str]
    scope: Mapped[str]
    created_at: Mapped[float] = mapped_column(default=now())
    expires_at: Mapped[float | None]
    revoked_at: Mapped[float | None]
    last_used_at: Mapped[float | None]
    """At most a minute behind."""


class PageSession(Base):
    """A sign-in on the page with a key, which says what it allows and ends it when it is revoked."""

    __tablename__ = "page_sessions"

    token_sha256: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"))
    created_at: Mapped[float] = mapped_column(default=now())
    expires_at: Mapped[float]


class Dataset(Owned, Base):
    """A caption set that can still be corrected."""

    __tablename__ = "datasets"
    __table_args__ = (Index(None, "belongs_to"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    created_at: Mapped[float] = mapped_column(default=now())
    version_id: Mapped[str | None]
    """The version with the present content; empty again after a change. No foreign key: versions point here already."""
    rejected: Mapped[list[dict[str, Any]]]
    """Files of the latest upload that could not be kept: file_name, code, message, hint."""


class DatasetItem(Base):
    """One portrait with its phrases."""

    __tablename__ = "dataset_items"
    __table_args__ = (Index(None, "dataset_id", "position"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"))
    position: Mapped[int]
    file_name: Mapped[str]
    image_key: Mapped[str]
    image_sha256: Mapped[str]
    width_px: Mapped[int]
    height_px: Mapped[int]
    base: Mapped[list[str]]
    target: Mapped[str | None]
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Why the caption cannot be trained on as it is: code, message, hint."""


class DatasetVersion(Base):
    """An immutable copy of a caption set; jobs are trained on versions only."""

    __tablename__ = "dataset_versions"
    __table_args__ = (UniqueConstraint("dataset_id", "content_hash"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"))
    content_hash: Mapped[str]
    target: Mapped[str]
    items: Mapped[list[dict[str, Any]]]
    """In order: file_name, image_key, image_sha256, base, target."""
    created_at: Mapped[float] = mapped_column(default=now())


class BulkEdit(Base):
    """The last bulk edit of a caption set, with what undoes it; at most one per set."""

    __tablename__ = "bulk_edits"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    edit: Mapped[dict[str, Any]]
    """The request."""
    before: Mapped[list[dict[str, Any]]]
    """Of each item that it changed: id, file_name, base, target, problem."""
    after: Mapped[list[dict[str, Any]]]
    """The same items in the same order, as it left them."""
    created_at: Mapped[float] = mapped_column(default=now())


class UploadKey(RequestKeyRow, Base):
    """Answered uploads, so that a repeated request finds the same caption set."""

    __tablename__ = "upload_keys"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"))


class Job(Owned, Base):
    """The source of truth about one job; the broker only passes on that it may be there."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(_one_of("state", get_args(JobState)), name="state"),
        CheckConstraint(
            "state NOT IN ('running', 'canceling') OR (owner IS NOT NULL AND lease_until IS NOT NULL)",
            name="lease",
        ),
        CheckConstraint("state != 'failed' OR error_code IS NOT NULL", name="error"),
        Index(None, "state", "lease_until"),
        Index(None, "created_at"),
        Index(None, "belongs_to"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    """One of `backend.jobs.kinds`."""
    queue: Mapped[str]
    """The kind's `JobQueue` at the time of the order."""
    state: Mapped[str] = mapped_column(default="queued")
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id"))
    dataset_version_id: Mapped[str | None] = mapped_column(ForeignKey("dataset_versions.id"))
    """What a training is trained on; empty for comparisons, and once its caption set is deleted after its end."""
    source_adapter_id: Mapped[str | None]
    """The adapter that a job works with, of several the first; no foreign key: adapters point at jobs."""
    spec: Mapped[dict[str, Any]]

    token: Mapped[int] = mapped_column(default=0)
    """Fencing token: grows with every claim and every loss; only its holder may write results."""
    attempt: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=5)
    lost_count: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None]
    """The worker that claimed it, never the one whom it belongs to."""
    lease_until: Mapped[float | None]
    not_before: Mapped[float] = mapped_column(default=now())
    cancel_requested_at: Mapped[float | None]

    phase: Mapped[str | None]
    step: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    eta_s: Mapped[float | None]
    losses: Mapped[dict[str, Any]] = mapped_column(default=dict)
    last_event_seq: Mapped[int] = mapped_column(default=0)

    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    error_hint: Mapped[str | None]

    created_at: Mapped[float] = mapped_column(default=now())
    queued_at: Mapped[float] = mapped_column(default=now())
    started_at: Mapped[float | None]
    claimed_at: Mapped[float | None]
    finished_at: Mapped[float | None]


class JobEvent(Base):
    """What happened to a job, in order. Rows never change; an ended job keeps some of its progress events only."""

    __tablename__ = "job_events"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[float] = mapped_column(default=now())
    kind: Mapped[str]
    """state, progress, checkpoint, validation or previews."""
    data: Mapped[dict[str, Any]]


class Outbox(Base):
    """Queued jobs whose message is to be sent; the row goes when the job leaves the queue."""

    __tablename__ = "outbox"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    sent_at: Mapped[float | None]
    tries: Mapped[int] = mapped_column(default=0)


class IdempotencyKey(RequestKeyRow, Base):
    """Answered creations, so that a repeated request finds the same job."""

    __tablename__ = "idempotency_keys"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))


class JobAdapter(Base):
    """An adapter that a job works with. It may be deleted once nothing is left that was made with it."""

    __tablename__ = "job_adapters"
    __table_args__ = (Index(None, "adapter_id"),)

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    adapter_id: Mapped[str] = mapped_column(primary_key=True)

    @classmethod
    def works_with(cls, adapter_id: str, job_id: ColumnElement[str]) -> ColumnElement[bool]:
        """Condition: the job works with this adapter; so a result of that job was made with it."""
        return exists().where(cls.job_id == job_id, cls.adapter_id == adapter_id)


class Result(Base):
    """What a job published; at most one per job."""

    __abstract__ = True

    noun: ClassVar[str]
    """What people call it."""

    id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), unique=True)
    files: Mapped[list[dict[str, Any]]]
    """name, key, sha256, size_bytes of each file; the first three parts of a key are table, job and token."""
    created_at: Mapped[float] = mapped_column(default=now())


class Adapter(Result):
    """A published adapter."""

    __tablename__ = "adapters"
    noun = "adapter"

    base: Mapped[str]
    method: Mapped[str]
    target: Mapped[str]
    loads_in: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """Tools that load it, as the training's report says; null for reports that do not say so."""
    loads_in_reason: Mapped[str | None]
    """Why the other tools do not, or null."""


class Comparison(Result):
    """A published pair."""

    __tablename__ = "comparisons"
    noun = "comparison"

    adapter_id: Mapped[str | None] = mapped_column(ForeignKey("adapters.id"))
    sample: Mapped[dict[str, Any]]


class Evaluation(Result):
    """Published figures of an adapter."""

    __tablename__ = "evaluations"
    noun = "evaluation"

    adapter_id: Mapped[str] = mapped_column(ForeignKey("adapters.id"))
    figures: Mapped[dict[str, Any]]
    """evaluation.json without the values of single pictures."""


RESULTS: tuple[type[Result], ...] = (Adapter, Comparison, Evaluation)


_LEGAL_PAIRS = " OR ".join(
    f"(OLD.state = '{old}' AND {_one_of('NEW.state', new)})" for old, new in LEGAL_TRANSITIONS.items()
)
_GUARD_JOB_MOVES = "CREATE TRIGGER guard_job_moves BEFORE UPDATE OF state ON jobs"
_ILLEGAL_MOVE = f"OLD.state != NEW.state AND NOT ( {_LEGAL_PAIRS} )"
GUARD_JOB_TRANSITIONS = {
    "sqlite": (f"{_GUARD_JOB_MOVES} WHEN {_ILLEGAL_MOVE} BEGIN SELECT RAISE(ABORT, 'illegal job transition'); END",),
    "postgresql": (
        "CREATE FUNCTION refuse_job_move() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'illegal job transition' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        f"{_GUARD_JOB_MOVES} FOR EACH ROW WHEN ({_ILLEGAL_MOVE}) EXECUTE FUNCTION refuse_job_move()",
    ),
}
"""Second wall behind the guarded updates: the database refuses every transition that LEGAL_TRANSITIONS lacks."""

for _dialect, _statements in GUARD_JOB_TRANSITIONS.items():
    for _statement in _statements:
        event.listen(Base.metadata, "after_create", DDL(_statement).execute_if(dialect=_dialect))
