"""What the service and the process that reads an upload say to each other: JSON, one object a line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from backend.datasets.upload import ReadUpload
from backend.datasets.uploaded_files import UploadedFile


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReadingOrder(_Message):
    """Read an upload; on the first line of the process's standard input."""

    files: list[UploadedFile]
    folder: Path
    target: str | None
    present: list[str] = Field(description="names of portraits that the caption set has already")
    crashed: list[str] = Field(description="portraits that ended an earlier process, not to be opened again")


class Opening(_Message):
    """This portrait is decoded next."""

    kind: Literal["opening"] = "opening"
    file_name: str


class Read(_Message):
    """The upload is read."""

    kind: Literal["read"] = "read"
    upload: ReadUpload


class Refused(_Message):
    """The upload as a whole cannot be used; the arguments of `Unprocessable`."""

    kind: Literal["refused"] = "refused"
    code: str
    detail: str
    hint: str
    errors: list[dict[str, Any]]


class Unreadable(_Message):
    """The zip or a caption table cannot be read; the arguments of `DataError`."""

    kind: Literal["unreadable"] = "unreadable"
    code: str
    found: str
    allowed: str
    hint: str


class NoRoom(_Message):
    """The disk is full."""

    kind: Literal["no_room"] = "no_room"


Answer = Opening | Read | Refused | Unreadable | NoRoom

ANSWER: TypeAdapter[Answer] = TypeAdapter(Annotated[Answer, Field(discriminator="kind")])
