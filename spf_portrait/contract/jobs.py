"""What can be ordered: closed specifications with bounds and units."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spf_portrait.contract.bases import BASE_KEY_PATTERN
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.phrases import (
    MAX_CAPTION_CHARACTERS,
    MAX_PHRASE_CHARACTERS,
    Caption,
    split_phrases,
)

Method = Literal["spf", "lora"]
Preset = Literal["quick", "standard", "thorough"]
EnhancementForm = Literal["exemplar", "image_direction", "text_direction"]
BaseKey = Annotated[str, Field(pattern=BASE_KEY_PATTERN, description="key of a base model, as `bases` lists them")]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Weight = Annotated[float, Field(ge=0, le=100)]

PRESETS: Final[Mapping[Preset, Mapping[str, int | float]]] = MappingProxyType(
    {
        "quick": {
            "stage1_steps": 200,
            "stage2_steps": 200,
            "batch_size": 4,
            "rank": 8,
            "learning_rate": 2e-3,
        },
        "standard": {
            "stage1_steps": 500,
            "stage2_steps": 1000,
            "batch_size": 4,
            "rank": 8,
            "learning_rate": 5e-4,
        },
        "thorough": {
            "stage1_steps": 1500,
            "stage2_steps": 3000,
            "batch_size": 8,
            "rank": 16,
            "learning_rate": 2e-4,
        },
    }
)


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def from_mapping(cls, options: Mapping[str, Any]) -> Self:
        """Check options as they come from a file, a form or a command line.

        Raises:
            SpecError: An option is unknown or out of bounds; the message lists what is allowed.
        """
        try:
            return cls.model_validate(dict(options))
        except ValidationError as error:
            raise _spec_error(cls, error) from error


class LossSwitches(_Spec):
    """The parts of the second stage, each of which can be switched off (the rows of the ablation)."""

    text_consistent: bool = Field(default=True, description="phrase maps of the two paths agree")
    fine_grained: bool = Field(default=True, description="cross-attention queries of the two paths agree")
    enhancement: bool = Field(default=True, description="the response shows the target")
    control_map: bool = Field(default=True, description="weigh the alignment by where the target answers")


class TrainingSpec(_Spec):
    """One training. The defaults are those of the preset "quick"."""

    base: BaseKey = "pico"
    method: Method = Field(default="spf", description="spf, or plain LoRA for comparison")
    preset: Preset = "quick"
    seed: Seed = 0
    stage1_steps: int = Field(default=200, ge=0, le=20_000, description="steps of ordinary fine-tuning")
    stage2_steps: int = Field(
        default=200,
        ge=0,
        le=20_000,
        description="steps of dual-path alignment; of fine-tuning with method lora",
    )
    batch_size: int = Field(default=4, ge=1, le=64, description="portraits a step")
    learning_rate: float = Field(default=2e-3, ge=1e-6, le=1e-1)
    rank: int = Field(default=8, ge=1, le=128, description="rank of the adapter")
    image_size_px: int | None = Field(
        default=None, ge=32, le=2048, description="side in pixels; the base's own if null"
    )
    w_text_consistent: Weight = 0.02
    w_fine_grained: Weight = 1.0
    w_enhancement: Weight = 0.3
    w_denoise: Weight = 1.0
    enhancement_form: EnhancementForm = "text_direction"
    control_map_gain: float = Field(default=0.1, ge=0, le=4, description="strength of subtracting phrase maps")
    enhancement_t_max: float = Field(
        default=0.5, ge=0, le=1, description="enhance at timesteps below this fraction of the schedule"
    )
    checkpoint_every: int = Field(default=50, ge=0, le=20_000, description="steps between checkpoints; 0 for none")
    losses: LossSwitches = LossSwitches()

    @classmethod
    def from_preset(cls, preset: Preset = "quick", **overrides: Any) -> Self:
        """The values of a preset, with some of them replaced.

        Raises:
            SpecError: The preset or an option is unknown, or a value is out of bounds.
        """
        return cls.from_mapping({**PRESETS.get(preset, {}), **overrides, "preset": preset})


class ComparisonSpec(_Spec):
    """One pair of pictures, reference and response, from the same noise."""

    base: BaseKey = "pico"
    adapter: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]{1,120}$", description="label of the adapter")
    base_text: str = Field(min_length=1, max_length=MAX_CAPTION_CHARACTERS, description="prompt without the target")
    target: str = Field(
        min_length=1, max_length=MAX_PHRASE_CHARACTERS, description="phrase that the adapter was taught"
    )
    seed: Seed = 0
    steps: int = Field(default=25, ge=1, le=100, description="denoising steps")
    guidance_scale: float = Field(default=4.0, ge=1, le=20)
    strength: float = Field(default=1.0, ge=0, le=2, description="factor on the adapter's weights")
    maps: bool = Field(default=True, description="record attention maps, control map and noise difference")

    @property
    def caption(self) -> Caption:
        """The prompt as phrases.

        Raises:
            DataError: The texts are not a caption, for instance because the base text names the target.
        """
        return Caption(base=split_phrases(self.base_text), target=self.target)


class EvaluationSpec(_Spec):
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


def _spec_error(model: type[BaseModel], error: ValidationError) -> SpecError:
    """Say the first thing that is wrong with a specification."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _model_at(model, first["loc"][:-1]).model_fields
        return SpecError("unknown_option", f"the option {name!r}", ", ".join(known), "Take it out, or correct its name")
    if first["type"] == "missing":
        return SpecError("missing_option", f"no option {name!r}", "a value for it", f"Add {name}")
    return SpecError(
        "option_out_of_bounds",
        f"{name or 'the specification'} = {repr(first['input'])[:80]}",
        _allowed(first["msg"]),
        f"Give {name or 'the specification'} an allowed value",
    )


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that holds the option at a location, so that its options can be listed."""
    for part in location:
        annotation = model.model_fields[str(part)].annotation
        model = cast("type[BaseModel]", annotation)
    return model


def _allowed(message: str) -> str:
    """Pydantic's sentence without its subject: "Input should be less than ..." gives "less than ..."."""
    return message.removeprefix("Input should be ")
