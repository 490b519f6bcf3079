"""Bulk edits: one change to many captions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from backend.datasets.schemas import DatasetOut, Phrase
from spf_portrait.contract.caption_set import MAX_ITEMS
from spf_portrait.contract.phrases import one_phrase

CaptionPhrase = Annotated[Phrase, AfterValidator(one_phrase)]
"""A phrase as a caption may have it."""


ItemId = Annotated[str, Field(max_length=40)]


class _Edit(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[ItemId], Field(min_length=1, max_length=MAX_ITEMS)] | None = Field(
        default=None, description="ids of the items to edit; all when left out"
    )


class Prefix(_Edit):
    """Put a base phrase in front of all others, in captions that lack it."""

    kind: Literal["prefix"]
    phrase: CaptionPhrase


class Suffix(_Edit):
    """Put a base phrase behind all others, in captions that lack it."""

    kind: Literal["suffix"]
    phrase: CaptionPhrase


class Replace(_Edit):
    """Put another base phrase in the place of one, or take it out; upper and lower case are one."""

    kind: Literal["replace"]
    phrase: CaptionPhrase
    by: CaptionPhrase | None = Field(description="the other phrase; null takes the first one out")


class SetTarget(_Edit):
    """Make a phrase the target; as a base phrase it goes."""

    kind: Literal["set_target"]
    target: CaptionPhrase


BulkEditIn = Annotated[Prefix | Suffix | Replace | SetTarget, Field(discriminator="kind")]


class BulkEditOut(BaseModel):
    """What a bulk edit, or undoing it, has done."""

    changed: int = Field(description="how many items are different now")
    dataset: DatasetOut
