"""What the API says about how good a caption set is for a training."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ReportProblem(BaseModel):
    """What stops a training: one portrait, or the whole set."""

    file_name: str | None = Field(description="null for what is wrong with the set as a whole")
    code: str
    message: str
    hint: str


class Bias(BaseModel):
    """A base phrase that (nearly) always comes with the target."""

    phrase: str
    portraits: int = Field(description="how many captions have it")
    message: str


class PhraseUse(BaseModel):
    """A base phrase and in how many captions it stands."""

    phrase: str
    portraits: int


class SizesOut(BaseModel):
    """Sizes of the portraits beside what the base model learns from."""

    trained_at_px: int
    smallest_side_px: int
    enlarged: int = Field(description="portraits that are smaller and get blurred")
    most_cut_off: float = Field(description="largest share of a portrait outside its middle square")


class NotChecked(BaseModel):
    """A part of `spf-portrait check` that needs the engine."""

    what: str
    why: str


class ReportOut(BaseModel):
    """What `spf-portrait check` finds in a caption set, as far as the service can tell without the engine."""

    dataset_id: str
    base: str = Field(description="key of the base model that the set was looked at for")
    target: str | None = Field(description="the phrase that all usable captions share")
    portraits: int = Field(description="how many captions can be used")
    trainable: bool = Field(description="nothing that was checked stops a training")
    problems: list[ReportProblem]
    biases: list[Bias]
    hints: list[str] = Field(description="what else may spoil a training without stopping it")
    unseen_words: list[str] = Field(description="sentences on words that the base model has never seen")
    phrases: list[PhraseUse] = Field(description="base phrases, the most frequent first")
    sizes: SizesOut | None = Field(description="null for a set without portraits")
    not_checked: list[NotChecked]
