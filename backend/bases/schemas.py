"""What the API says about base models."""

from __future__ import annotations

from pydantic import BaseModel, Field


class BaseOut(BaseModel):
    """A base model that jobs may name by its key."""

    key: str
    title: str
    family: str
    image_size_px: int = Field(description="side of the square pictures this model draws")
    vocabulary: list[str] | None = Field(
        description="the only words that this model has seen, in lower case; null when it knows words in general"
    )


class BaseProblem(BaseModel):
    """What looks like a base model and cannot be used."""

    key: str
    code: str
    message: str
    hint: str


class BaseList(BaseModel):
    """All base models found."""

    data: list[BaseOut]
    errors: list[BaseProblem]
