"""What the API says about comparisons."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field, JsonValue


class ComparisonOut(BaseModel):
    """A published pair of reference and response with its maps."""

    id: str
    job_id: str
    status: Literal["succeeded"] = Field(
        description="the state of the job that drew it; only finished pairs are published"
    )
    adapter_id: str | None
    sample: dict[str, JsonValue] = Field(description="the record written beside the pictures (sample.json)")
    files: dict[str, str] = Field(description="name inside the comparison → address")
    created_at: datetime


class ComparisonList(BaseModel):
    """A page of comparisons, newest first."""

    data: list[ComparisonOut]
    next_cursor: str | None
    has_more: bool
