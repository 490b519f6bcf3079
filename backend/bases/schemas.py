"""What the API says about base models."""

from __future__ import annotations

from pydantic import BaseModel, Field


class BaseOut(BaseModel):
    """A base model that jobs may name by its key."""

    key: str
    title: str
    family: str
    image_size_px: int = Field(description="side of the square pictures this model draws")


class BaseList(BaseModel):
    """All base models found."""

    data: list[BaseOut]
