"""What the API says about jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from backend.jobs.kinds import JobKind
from backend.jobs.kinds.kind import Options
from backend.tables import JobState


class ProgressOut(BaseModel):
    """How far the present phase is."""

    step: int
    total: int
    eta_s: float | None


class JobErrorOut(BaseModel):
    """Why the job failed."""

    code: str
    message: str
    hint: str


class JobOut(BaseModel):
    """A job as it stands now."""

    id: str
    kind: JobKind
    status: JobState
    phase: str | None
    progress: ProgressOut
    losses: dict[str, float]
    queue_position: int | None = Field(description="1 is next; null when not queued")
    attempt: int
    error: JobErrorOut | None
    parent_id: str | None
    dataset_id: str | None
    dataset_version_id: str | None
    target: str | None = Field(description="the phrase that a training teaches; null once its caption set is deleted")
    source_adapter_id: str | None = Field(description="the adapter that the job works with; of several the first")
    adapter_id: str | None = Field(description="the adapter that a training published")
    comparison_id: str | None = Field(description="the pair that a comparison published")
    evaluation_id: str | None = Field(description="the figures that an evaluation published")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    spec: Options


class JobList(BaseModel):
    """A page of jobs, newest first."""

    data: list[JobOut]
    next_cursor: str | None
    has_more: bool


class EventOut(BaseModel):
    """One thing that happened to a job."""

    seq: int
    at: datetime
    kind: Literal["state", "progress", "checkpoint", "validation", "previews"]
    data: Options


class EventPage(BaseModel):
    """Events after a given number, in order."""

    data: list[EventOut]
    next_after: int = Field(description="pass as `after` to go on")
    has_more: bool
    final: bool = Field(description="the job has ended and this page holds its last event")
