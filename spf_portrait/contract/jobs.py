"""What can be ordered: closed specifications with bounds and units."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from spf_portrait.contract.bases import BASE_KEY_PATTERN
from spf_portrait.contract.errors import SpecError
from spf_portrait.contract.phrases import (
    MAX_CAPTION_CHARACTERS,
    MAX_PHRASE_CHARACTERS,
    Caption,
    split_phrases,
)

Method = Literal["spf", "spf-paper", "lora", "naive"]
Preset = Literal["quick", "standard", "thorough"]
EnhancementForm = Literal["exemplar", "image_direction", "text_direction"]
AdapterKind = Literal["lora", "cross_attention", "whole_network"]
AdapterLayers = Literal["cross_attention", "cross_attention_kv", "all_attention"]
AlignedLayers = Literal["all", "first_half", "second_half"]
States = Literal["noised", "grown"]
GrownBy = Literal["response", "reference"]
Subtraction = Literal["sum", "mean"]
Precision = Literal["fp32", "bf16"]
AdapterLabel = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,120}$", description="label of the adapter")]
Strength = Annotated[float, Field(ge=0, le=2, description="factor on the adapter's weights; 0 is exactly off")]
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


CROSS_ATTENTION_LEARNING_RATE: Final[Mapping[Preset, float]] = MappingProxyType(
    {"quick": 3e-4, "standard": 8e-5, "thorough": 3e-5}
)
"""The presets' learning rate for whole matrices: every weight takes a step of its own, so the steps are smaller."""
WHOLE_NETWORK_LEARNING_RATE: Final = 1e-4
"""Every preset's, where all weights train."""
SPF_PAPER: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "states": "grown",
        "enhancement_form": "exemplar",
        "control_map_gain": 1.0,
        "control_map_subtraction": "sum",
        "w_base_anchor": 0.0,
    }
)
"""What method spf-paper sets: the paper's figure read word by word, see ARCHITECTURE.md. It is frozen."""
MAX_ADAPTERS: Final = 4
"""At once in one drawing."""


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
    method: Method = Field(
        default="spf",
        description="spf; spf-paper, its settings as the paper's figure shows them; or for comparison plain LoRA and "
        "naive fine-tuning of all weights",
    )
    preset: Preset = "quick"
    seed: Seed = 0
    stage1_steps: int = Field(default=200, ge=0, le=20_000, description="steps of ordinary fine-tuning")
    stage2_steps: int = Field(
        default=200,
        ge=0,
        le=20_000,
        description="steps of dual-path alignment; of fine-tuning with methods lora and naive",
    )
    batch_size: int = Field(default=4, ge=1, le=64, description="portraits that are worked on at once")
    accumulation: int = Field(
        default=1,
        ge=1,
        le=64,
        description="batches a step, one after the other: a step of so many more portraits in little more memory, "
        "about a third slower",
    )
    learning_rate: float = Field(default=2e-3, ge=1e-6, le=1e-1)
    adapter: AdapterKind | None = Field(
        default=None,
        description="what trains: LoRA, the whole cross-attention matrices, or every weight of the network; null for "
        "the method's own (naive: whole_network, others: lora)",
    )
    layers: AdapterLayers | None = Field(
        default=None,
        description="matrices that are adapted: queries, keys, values and output of cross-attention, its keys and "
        "values alone, or all attention; null for the method's own (spf: cross_attention, lora: all_attention)",
    )
    rank: int = Field(
        default=8, ge=1, le=128, description="rank of the adapter; of the exported file, where whole matrices train"
    )
    image_size_px: int | None = Field(
        default=None, ge=32, le=2048, description="side in pixels; the base's own if null"
    )
    w_text_consistent: Weight = 0.02
    w_fine_grained: Weight = 1.0
    w_enhancement: Weight = 0.3
    w_base_anchor: Annotated[
        Weight, Field(description="hold the answer to the base text alone; a pass more, about half as slow again")
    ] = 0.0
    w_denoise: Weight = 1.0
    aligned_layers: AlignedLayers = Field(
        default="all", description="cross-attention layers whose maps and queries are held, in the network's order"
    )
    states: States = Field(
        default="noised",
        description="what both paths look at in stage 2: noised portraits, or what one of them draws from noise",
    )
    grown_by: GrownBy = Field(default="response", description="path that draws the grown states")
    grown_steps: int = Field(
        default=8, ge=1, le=50, description="steps of a whole picture; a grown state is some of them away from noise"
    )
    denoise_every: int = Field(
        default=1, ge=1, le=100, description="with grown states: steps between two with a batch for denoising"
    )
    enhancement_form: EnhancementForm = "text_direction"
    enhancement_t_max: float = Field(
        default=0.5, ge=0, le=1, description="enhance at timesteps below this fraction of the schedule"
    )
    control_map_gain: float = Field(default=0.1, ge=0, le=4, description="strength of subtracting phrase maps")
    control_map_subtraction: Subtraction = Field(
        default="sum", description="what is subtracted: the phrases' maps one after the other, or their mean"
    )
    control_map_distances: bool = Field(
        default=True, description="subtract phrases the more, the farther from the target they are in meaning"
    )
    precision: Precision = Field(
        default="fp32", description="of the network's arithmetic; weights that train, losses and CLIP stay in fp32"
    )
    gradient_checkpointing: bool = Field(
        default=False,
        description="compute layers anew in the backward pass instead of keeping them: the same result in less memory, "
        "about a third slower",
    )
    checkpoint_every: int = Field(default=50, ge=0, le=20_000, description="steps between checkpoints; 0 for none")
    keep_checkpoints: int = Field(default=3, ge=1, le=100, description="newest checkpoints that are kept")
    export_checkpoints: bool = Field(
        default=True, description="an adapter file of every checkpoint, in the folder steps; all of them are kept"
    )
    validate_every: int = Field(
        default=50,
        ge=0,
        le=20_000,
        description="steps between two measurements of target gained and rest kept; 0 for none. Of 32 portraits or "
        "more, four are held out for it",
    )
    preview_every: int = Field(default=0, ge=0, le=20_000, description="steps between preview pictures; 0 for none")
    preview_count: int = Field(default=2, ge=1, le=4, description="pairs of pictures in a preview")
    losses: LossSwitches = LossSwitches()

    @field_validator("layers")
    @classmethod
    def _whole_matrices_are_those_of_cross_attention(
        cls, layers: AdapterLayers | None, info: ValidationInfo
    ) -> AdapterLayers | None:
        kind = info.data.get("adapter")
        if kind == "whole_network" and layers is not None:
            raise PydanticCustomError("layers", "null with adapter whole_network, which knows no choice of layers")
        if layers == "all_attention" and kind == "cross_attention":
            raise PydanticCustomError(
                "layers", "cross_attention, cross_attention_kv or null with adapter cross_attention"
            )
        return layers

    @property
    def adapter_kind(self) -> AdapterKind:
        """`adapter`, or the method's own."""
        return self.adapter or ("whole_network" if self.method == "naive" else "lora")

    @property
    def adapted_layers(self) -> AdapterLayers:
        """`layers`, or the method's own."""
        if self.layers is None:
            return "all_attention" if self.method == "lora" and self.adapter_kind == "lora" else "cross_attention"
        return self.layers

    @property
    def is_dual_path(self) -> bool:
        """Whether the second stage is alignment."""
        return self.method in ("spf", "spf-paper")

    @classmethod
    def from_preset(cls, preset: Preset = "quick", **overrides: Any) -> Self:
        """The values of a preset, with some of them replaced.

        Raises:
            SpecError: The preset or an option is unknown, or a value is out of bounds.
        """
        own = SPF_PAPER if overrides.get("method") == "spf-paper" else dict[str, Any]()
        return cls.from_mapping({**_preset_values(preset, overrides), **own, **overrides, "preset": preset})


class AdapterUse(_Spec):
    """One of several adapters that draw together."""

    adapter: AdapterLabel
    strength: Strength = 1.0


class ComparisonSpec(_Spec):
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


def _preset_values(preset: Preset, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Of a preset, with the learning rate that suits what trains."""
    values: dict[str, Any] = {**PRESETS.get(preset, {})}
    kind = overrides.get("adapter") or ("whole_network" if overrides.get("method") == "naive" else "lora")
    if kind == "whole_network":
        values["learning_rate"] = WHOLE_NETWORK_LEARNING_RATE
    elif kind == "cross_attention" and preset in CROSS_ATTENTION_LEARNING_RATE:
        values["learning_rate"] = CROSS_ATTENTION_LEARNING_RATE[preset]
    return values


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
    for part in (part for part in location if isinstance(part, str)):
        annotation = model.model_fields[part].annotation
        model = cast("type[BaseModel]", next(iter(get_args(annotation)), annotation))
    return model


def _allowed(message: str) -> str:
    """Pydantic's sentence without its subject: "Input should be less than ..." gives "less than ..."."""
    return message.removeprefix("Input should be ")
