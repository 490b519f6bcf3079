"""Orders for pictures: a pair, and what an adapter is measured on."""

from typing import Annotated, Final, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from spf_portrait.contract.caption_text import split_phrases
from spf_portrait.contract.closed_spec import BaseKey, ClosedSpec, Seed
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.hold import Hold
from spf_portrait.contract.phrases import MAX_CAPTION_CHARACTERS, MAX_PHRASE_CHARACTERS, Caption

AdapterLabel = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,120}$", description="label of the adapter")]
Strength = Annotated[float, Field(ge=0, le=2, description="factor on the adapter's weights; 0 is exactly off")]
MAX_ADAPTERS: Final = 4
"""At once in one drawing."""
MAX_TEXTS: Final = 500
"""Of one evaluation."""
DEFAULT_TEXTS: Final = 32
"""Minutes with pico on two CPU cores, and a share of one half is known to within 0.17."""


class AdapterUse(ClosedSpec):
    """One of several adapters that draw together."""

    adapter: AdapterLabel
    strength: Strength = 1.0


class ComparisonSpec(ClosedSpec):
    """One pair of pictures, reference and response, from the same noise."""

    base: BaseKey = "pico"
    adapter: AdapterLabel | None = None
    base_text: str = Field(min_length=1, max_length=MAX_CAPTION_CHARACTERS, description="prompt without the target")
    target: str = Field(
        min_length=1, max_length=MAX_PHRASE_CHARACTERS, description="phrase that the adapter was taught"
    )
    seed: Seed = 0
    steps: int = Field(default=25, ge=1, le=100, description="denoising steps")
    guidance_scale: float = Field(default=4.0, ge=1, le=20)
    strength: Strength = 1.0
    adapters: tuple[AdapterUse, ...] = Field(
        default=(), max_length=MAX_ADAPTERS, description="several adapters at once, instead of adapter and strength"
    )
    hold: Hold | None = Field(
        default=None,
        description="the response changes only where the adapter answers most; null draws it as it is. Drawing the "
        "response takes twice as long, with any adapter",
    )
    maps: bool = Field(default=True, description="record attention maps, control map and noise difference")
    layer_maps: bool = Field(
        default=False,
        description="with maps: also every layer's attention by itself, and how the paths differ in theirs; some "
        "hundreds of small files",
    )
    reconstruction: bool = Field(
        default=False, description="a third picture: the base text alone by the tuned model; half as much time again"
    )

    @field_validator("adapters")
    @classmethod
    def _one_way_of_naming_adapters(
        cls, adapters: tuple[AdapterUse, ...], info: ValidationInfo
    ) -> tuple[AdapterUse, ...]:
        if adapters and (info.data.get("adapter") is not None or info.data.get("strength") != 1):
            raise PydanticCustomError("adapters", "either adapters, each with its strength, or adapter with strength")
        return adapters

    @field_validator("layer_maps")
    @classmethod
    def _layers_are_recorded_with_the_maps(cls, layer_maps: bool, info: ValidationInfo) -> bool:
        if layer_maps and info.data.get("maps") is False:
            raise PydanticCustomError("layer_maps", "false without maps")
        return layer_maps

    @property
    def caption(self) -> Caption:
        """The prompt as phrases.

        Raises:
            DataError: The texts are not a caption, for instance because the base text names the target.
        """
        return Caption(base=split_phrases(self.base_text), target=self.target)


class EvaluationText(ClosedSpec):
    """A base text that an adapter is measured on, and the seed of its noise."""

    base_text: str = Field(min_length=1, max_length=MAX_CAPTION_CHARACTERS, description="prompt without the target")
    seed: Seed


class EvaluationSpec(ClosedSpec):
    """One adapter measured against the original model on texts that no training saw."""

    base: BaseKey = "pico"
    target: str | None = Field(
        default=None, min_length=1, max_length=MAX_PHRASE_CHARACTERS, description="the adapter's own if null"
    )
    count: int | None = Field(
        default=None,
        ge=1,
        le=MAX_TEXTS,
        description=f"texts, four pictures each; {DEFAULT_TEXTS}, or all of a given file, if null",
    )
    seed_from: Seed = Field(default=0, description="the texts are drawn from this seed and the following ones")
    texts: tuple[EvaluationText, ...] = Field(
        default=(), description="texts of one's own with their seeds, instead of count and seed_from"
    )
    steps: int = Field(default=25, ge=1, le=100, description="denoising steps")
    guidance_scale: float = Field(default=4.0, ge=1, le=20)
    strength: Strength = 1.0
    hold: Hold | None = Field(
        default=None, description="responses are measured as they are drawn with the rest held; a fifth picture each"
    )

    @model_validator(mode="after")
    def _check_texts(self) -> Self:
        if len(self.texts) > MAX_TEXTS:
            raise SpecError(
                "too_many_texts",
                f"{len(self.texts)} texts",
                f"at most {MAX_TEXTS}, with four pictures each",
                "Leave some out, or order several evaluations",
            )
        if self.texts and (self.count is not None or self.seed_from):
            raise SpecError(
                "texts_twice",
                "texts beside count or seed_from",
                "either texts, each with its seed, or a count of held-out ones",
                "Take count and seed_from out",
            )
        if self.target is not None:
            _ = captions_of(self.texts, self.target)
        return self


def captions_of(texts: tuple[EvaluationText, ...], target: str) -> list[Caption]:
    """The texts as phrases, each with the target.

    Raises:
        DataError: A text is not a caption, for instance because it names the target.
    """
    return [Caption(base=split_phrases(text.base_text), target=target) for text in texts]
