"""What the API says about evaluations."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from spf_portrait.contract.hold import Hold


class MissingOut(BaseModel):
    """Why a metric has no figure."""

    reason: str = Field(description="for instance that weights are missing")
    how_to_get: str
    licence: str = Field(description="under which terms what is missing can be had")


class FigureOut(BaseModel):
    """A figure over some pictures or pairs."""

    value: float
    interval_95: tuple[float, float] | None = Field(description="null where the pictures are too few to tell")
    count: int = Field(description="pictures or pairs that it is taken over")


class MetricOut(BaseModel):
    """One metric: its figure, or why there is none."""

    name: str
    title: str
    unit: str = Field(description="empty for plain numbers")
    better: Literal["higher", "lower"]
    meaning: str
    figure: FigureOut | None
    missing: MissingOut | None


class AxisOut(BaseModel):
    """How often one attribute besides the target changes."""

    axis: str
    pollution: FigureOut = Field(description="in the adapter's responses")
    floor: FigureOut | None = Field(description="in the original model's; null where it could not be compared")


class EvaluationOut(BaseModel):
    """Published figures of an adapter."""

    id: str
    job_id: str
    adapter_id: str
    base: str
    target: str
    count: int = Field(description="texts, four pictures each")
    steps: int
    guidance_scale: float
    strength: float
    hold: Hold | None
    metrics: list[MetricOut] = Field(description="every metric there is, those without a figure included")
    pollution_by_axis: list[AxisOut] = Field(description="empty where it cannot be measured")
    files: dict[str, str] = Field(
        description="name → address; evaluation.json has texts, seeds and the values of single pictures, too"
    )
    created_at: datetime


class EvaluationList(BaseModel):
    """A page of evaluations, newest first."""

    data: list[EvaluationOut]
    next_cursor: str | None
    has_more: bool
