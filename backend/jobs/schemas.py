"""What the API says about jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from backend.tables import JobKind, JobState
from spf_portrait.contract.hold import Hold

_HOLD: Final = Hold()
Options = dict[str, JsonValue]


class TrainingIn(BaseModel):
    """Order of a training."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["training"]
    dataset_id: str
    spec: Options = Field(
        default_factory=dict,
        description="`preset` (quick, standard or thorough) and any training option that shall differ from it",
    )


class ComparisonIn(BaseModel):
    """Order of a pair of pictures from one seed."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["comparison"]
    adapter_id: str | None = Field(
        default=None, description="null draws with the adapters of `spec`, or without any with the base model alone"
    )
    spec: Options = Field(
        description="base_text, target, seed and the other options of a comparison; `adapters`, a list of up to four "
        "{adapter: id, strength}, draws with several at once, in place of adapter_id; `hold`, an object, changes the "
        f"response only where the adapters answer most: `firmness` (0 to 1, default {_HOLD.firmness:g}), `held_below` "
        f"(0 to less than 1, default {_HOLD.held_below:g}) and `free_above` (more than held_below, to 1, default "
        f"{_HOLD.free_above:g}) are shares of the largest difference from the original model; null draws without"
    )


JobIn = Annotated[TrainingIn | ComparisonIn, Field(discriminator="kind")]


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
    source_adapter_id: str | None = Field(description="the adapter that a comparison draws with; of several the first")
    adapter_id: str | None = Field(description="the adapter that a training published")
    comparison_id: str | None = Field(description="the pair that a comparison published")
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
    kind: Literal["state", "progress", "checkpoint", "validation"]
    data: Options


class EventPage(BaseModel):
    """Events after a given number, in order."""

    data: list[EventOut]
    next_after: int = Field(description="pass as `after` to go on")
    has_more: bool
    final: bool = Field(description="the job has ended and this page holds its last event")
