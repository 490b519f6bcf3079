"""Orders for pictures: a pair, and what an adapter is measured on."""

from typing import Annotated, Final

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from spf_portrait.contract.caption_text import split_phrases
from spf_portrait.contract.closed_spec import BaseKey, ClosedSpec, Seed
from spf_portrait.contract.hold import Hold
from spf_portrait.contract.phrases import MAX_CAPTION_CHARACTERS, MAX_PHRASE_CHARACTERS, Caption

AdapterLabel = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,120}$", description="label of the adapter")]
Strength = Annotated[float, Field(ge=0, le=2, description="factor on the adapter's weights; 0 is exactly off")]
MAX_ADAPTERS: Final = 4
"""At once in one drawing."""


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


class EvaluationSpec(ClosedSpec):
    """One adapter measured against the original model on texts that no training saw."""

    base: BaseKey = "pico"
    target: str | None = Field(
        default=None, min_length=1, max_length=MAX_PHRASE_CHARACTERS, description="the adapter's own if null"
    )
    count: int | None = Field(
        default=None, ge=1, le=500, description="texts, four pictures each; 32, or all of a given file, if null"
    )
    seed_from: Seed = Field(default=0, description="the texts are drawn from this seed and the following ones")
    steps: int = Field(default=25, ge=1, le=100, description="denoising steps")
    guidance_scale: float = Field(default=4.0, ge=1, le=20)
    strength: float = Field(default=1.0, ge=0, le=2, description="factor on the adapter's weights")
