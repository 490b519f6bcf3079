"""An order for a grid: prompts × seeds, each drawn by the original model and with every adapter."""

from collections.abc import Hashable, Sequence
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from spf_portrait.contract.caption_text import split_phrases
from spf_portrait.contract.closed_spec import BaseKey, ClosedSpec, Seed
from spf_portrait.contract.drawing_spec import AdapterUse
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.hold import Hold
from spf_portrait.contract.phrases import MAX_CAPTION_CHARACTERS, MAX_PHRASE_CHARACTERS, Caption

MAX_PROMPTS: Final = 16
MAX_SEEDS: Final = 32
MAX_COLUMNS: Final = 8
"""Adapters beside the original model."""
MAX_PICTURES: Final = 512
"""Of one grid: some minutes of a GPU, and a sheet that a viewer still opens."""
REFERENCE_COLUMN: Final = "reference"

_Prompt = Annotated[str, Field(min_length=1, max_length=MAX_CAPTION_CHARACTERS)]


class GridSpec(ClosedSpec):
    """One grid. Every adapter is a column of its own, beside the original model's column."""

    base: BaseKey = "pico"
    prompts: tuple[_Prompt, ...] = Field(min_length=1, max_length=MAX_PROMPTS, description="without the target")
    target: str = Field(
        min_length=1, max_length=MAX_PHRASE_CHARACTERS, description="phrase that is added in the adapters' columns"
    )
    seeds: tuple[Seed, ...] = Field(min_length=1, max_length=MAX_SEEDS)
    adapters: tuple[AdapterUse, ...] = Field(min_length=1, max_length=MAX_COLUMNS)
    steps: int = Field(default=25, ge=1, le=100, description="denoising steps")
    guidance_scale: float = Field(default=4.0, ge=1, le=20)
    hold: Hold | None = Field(
        default=None, description="in the adapters' columns the rest is held; they take twice as long then"
    )

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        _check_distinct("prompts", self.prompts)
        _check_distinct("seeds", self.seeds)
        _check_distinct("columns", [column.casefold() for column in self.columns])  # they become names of files
        if self.pictures > MAX_PICTURES:
            raise SpecError(
                "too_many_pictures",
                f"{len(self.prompts)} prompts × {len(self.seeds)} seeds × {len(self.columns)} columns, the original "
                f"model's included: {self.pictures} pictures",
                f"at most {MAX_PICTURES} pictures in one grid",
                "Leave out prompts, seeds or adapters, or draw several grids",
            )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, the original model's first."""
        return (REFERENCE_COLUMN, *(_column(use) for use in self.adapters))

    @property
    def pictures(self) -> int:
        """How many there are in all."""
        return len(self.prompts) * len(self.seeds) * len(self.columns)

    @property
    def captions(self) -> tuple[Caption, ...]:
        """The prompts as phrases.

        Raises:
            DataError: A prompt is not a caption, for instance because it names the target.
        """
        return tuple(Caption(base=split_phrases(prompt), target=self.target) for prompt in self.prompts)


def _column(use: AdapterUse) -> str:
    return use.adapter if use.strength == 1 else f"{use.adapter}-{use.strength:g}"


def _check_distinct(what: str, found: Sequence[Hashable]) -> None:
    twice = [one for index, one in enumerate(found) if one in found[:index]]
    if twice:
        raise SpecError(
            "said_twice", f"{twice[0]!r} twice among the {what}", f"{what} that differ", "Give each of them once"
        )
