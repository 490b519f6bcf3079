"""What the API says about adapters."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class FileOut(BaseModel):
    """A file that can be downloaded."""

    name: str
    url: str
    sha256: str
    size_bytes: int


class AdapterOut(BaseModel):
    """A published adapter."""

    id: str
    job_id: str
    base: str
    method: str
    target: str
    loads_in: list[str] | None = Field(
        description="tools that load it: diffusers, comfyui, a1111, invokeai; null where no report says so"
    )
    loads_in_reason: str | None = Field(
        description="why the other tools do not; null when all that know the base model's family do"
    )
    files: list[FileOut]
    archive_url: str = Field(description="all files in one zip")
    created_at: datetime


class AdapterList(BaseModel):
    """A page of adapters, newest first."""

    data: list[AdapterOut]
    next_cursor: str | None
    has_more: bool
