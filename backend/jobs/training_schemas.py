"""What the API says about trainings before they are ordered."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from backend.jobs.kinds.kind import Options


class SettingGroup(BaseModel):
    """Settings that belong together."""

    title: str
    settings: list[str] = Field(description="names of properties of the specification")


class SettingsOut(BaseModel):
    """Every setting of a training that can be ordered here."""

    groups: list[SettingGroup] = Field(
        description="in the order in which to show them; base, method, preset stand before"
    )
    specification: dict[str, Any] = Field(
        description="JSON schema: bounds, descriptions and the defaults of the preset quick with the bundled base"
    )


class OrderProblem(BaseModel):
    """Why an order would be refused."""

    code: str
    message: str
    hint: str
    file_name: str | None = Field(default=None, description="the portrait that it is about, if it is about one")


class EstimateOut(BaseModel):
    """What earlier trainings with the same base, method and batch took on this machine."""

    seconds: float = Field(description="without waiting in the queue")
    trainings: int = Field(description="how many it is averaged over")


class DryRunOut(BaseModel):
    """What would become of an order; nothing was written."""

    accepted: bool = Field(description="the same order would be accepted now")
    problems: list[OrderProblem]
    notices: list[str] = Field(description="what may spoil the training without stopping it")
    spec: Options | None = Field(description="every setting with its value; null when the settings are refused")
    estimate: EstimateOut | None = Field(description="null when nothing like it was measured on this machine yet")
