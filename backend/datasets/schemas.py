"""What the API says about caption sets."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.preconditions import Tagged

SetName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
SetStatus = Literal["draft", "frozen"]
Phrase = Annotated[str, Field(min_length=1, max_length=80)]


class ItemProblem(BaseModel):
    """What is wrong with one file or caption, and what to do."""

    file_name: str
    code: str
    message: str
    hint: str = ""


class ItemOut(Tagged):
    """One portrait with its parsed phrases."""

    id: str
    file_name: str
    base: list[str] = Field(description="base phrases; all that the caption says while it has no target")
    target: str | None
    width_px: int
    height_px: int
    image_url: str
    thumbnail_url: str = Field(description="the same picture in small, for lists")
    errors: list[ItemProblem]


class DatasetSummary(BaseModel):
    """A caption set without its items."""

    id: str
    name: str
    status: SetStatus = Field(description="frozen: the present content has a version")
    target: str | None = Field(description="the phrase that all items share, once they do")
    item_count: int
    cover_url: str | None = Field(description="the first portrait in small; null for a set without any")
    created_at: datetime


class LastEdit(BaseModel):
    """The last bulk edit of a caption set, which can be undone as long as none of its items is edited again."""

    kind: Literal["prefix", "suffix", "replace", "set_target"]
    changed: int = Field(description="how many items it changed")
    created_at: datetime


class DatasetOut(DatasetSummary, Tagged):
    """A caption set with its items and with the files that could not be kept."""

    version_id: str | None
    items: list[ItemOut]
    errors: list[ItemProblem] = Field(description="files of the latest upload that could not be kept")
    last_edit: LastEdit | None


class DatasetChange(BaseModel):
    """What can be changed about a caption set itself."""

    model_config = ConfigDict(extra="forbid")

    name: SetName


class DatasetList(BaseModel):
    """A page of caption sets, newest first."""

    data: list[DatasetSummary]
    next_cursor: str | None
    has_more: bool


class ItemChange(BaseModel):
    """Corrected phrases of one item."""

    model_config = ConfigDict(extra="forbid")

    base: Annotated[list[Phrase], Field(min_length=1, max_length=12)]
    target: Phrase


class VersionOut(BaseModel):
    """An immutable version of a caption set."""

    id: str
    dataset_id: str
    content_hash: str = Field(description="SHA-256 over the images and phrases")
    target: str
    item_count: int
    created_at: datetime


class PhrasesIn(BaseModel):
    """A caption to parse."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=2000, description="the target stands in [square brackets]")]
    target: Phrase | None = Field(default=None, description="target phrase, when the text has no brackets")


class PhrasesOut(BaseModel):
    """A parsed caption."""

    base: list[str]
    target: str
    base_text: str
    complete_text: str
