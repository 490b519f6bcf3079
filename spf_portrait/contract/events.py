"""What a running training or drawing tells: one JSON object a line on its standard output."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from spf_portrait.contract.errors import DataError

Phase = Literal[
    "loading", "caching", "preserving", "stage1", "surveying", "stage2", "sampling", "measuring", "exporting"
]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Progress(_Event):
    """How far the work is. Steps count within the phase, from 0 to `total`."""

    kind: Literal["progress"] = "progress"
    phase: Phase
    step: int = Field(ge=0)
    total: int = Field(ge=0)
    losses: dict[str, FiniteFloat] = Field(default_factory=dict, description="raw values, before their weights")
    eta_s: FiniteFloat | None = Field(default=None, ge=0, description="seconds left in the whole job")


class CheckpointSaved(_Event):
    """A checkpoint is complete on disk."""

    kind: Literal["checkpoint"] = "checkpoint"
    step: int = Field(ge=0, description="steps of both stages together")
    path: str


class Validated(_Event):
    """What the training has come to, measured on the same noised portraits every time; see `validation`."""

    kind: Literal["validation"] = "validation"
    step: int = Field(ge=0, description="steps of both stages together")
    target_gained: FiniteFloat = Field(le=1, description="what naming the target brings nearer to the portraits")
    rest_kept: FiniteFloat = Field(le=1, description="how far texts without the target keep their answers; 1 is wholly")


class PreviewsDrawn(_Event):
    """Pairs of pictures, reference and response side by side, are complete on disk."""

    kind: Literal["previews"] = "previews"
    step: int = Field(ge=0, description="steps of both stages together")
    files: dict[str, str] = Field(description="complete text by the path of its picture")


class Notice(_Event):
    """Something that a person should know; the work goes on."""

    kind: Literal["notice"] = "notice"
    message: str


class Finished(_Event):
    """The work is done; `files` gives what was written, by what it is."""

    kind: Literal["finished"] = "finished"
    files: dict[str, str]


class Failed(_Event):
    """The work ended with an error; `error` has code, message and hint at least, as `SpfError.as_dict()` does."""

    kind: Literal["failed"] = "failed"
    error: dict[str, str]
    permanent: bool = Field(default=True, description="the same order gives the same error again")


Event = Annotated[
    Progress | CheckpointSaved | Validated | PreviewsDrawn | Notice | Finished | Failed, Field(discriminator="kind")
]

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def to_line(event: Event) -> str:
    """One line of JSON, without the line feed."""
    return event.model_dump_json()


def parse_event(line: str | bytes) -> Event:
    """Read what `to_line` wrote.

    Raises:
        DataError: The line is not an event.
    """
    try:
        return _EVENT.validate_json(line)
    except ValidationError as error:
        raise DataError(
            "unreadable_event",
            f"the line {line[:80]!r} ({error.errors()[0]['msg']})",
            "one JSON object with kind progress, checkpoint, validation, previews, notice, finished or failed",
            "Start the engine with --events and send other output to standard error",
        ) from error
