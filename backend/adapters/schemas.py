"""What the API says about adapters."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


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
    files: list[FileOut]
    created_at: datetime


class AdapterList(BaseModel):
    """A page of adapters, newest first."""

    data: list[AdapterOut]
    next_cursor: str | None
    has_more: bool
